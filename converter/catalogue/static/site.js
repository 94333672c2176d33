// Search, filters, tabs and copy buttons. Without it every page still shows everything, one thing below the other.
"use strict";
document.documentElement.classList.add("script");

const say = (text) => {
    const said = document.getElementById("said");
    if (said) said.textContent = text;
};

// Tabs: the address's fragment chooses one, else what was chosen last, else the first.
function tabs(box) {
    const all = [...box.querySelectorAll("[role=tab]")];
    const names = all.map((tab) => tab.getAttribute("href").slice(1));
    const show = (name, focus) => {
        const at = Math.max(0, names.indexOf(name));
        all.forEach((tab, number) => {
            const chosen = number === at;
            tab.setAttribute("aria-selected", String(chosen));
            tab.tabIndex = chosen ? 0 : -1;
            document.getElementById(names[number]).hidden = !chosen;
        });
        if (focus) all[at].focus();
        return names[at];
    };
    const choose = (name, focus) => {
        show(name, focus);
        history.replaceState(null, "", "#" + name);
        remember(name);
    };
    const asked = () => decodeURIComponent(location.hash.slice(1));
    show(names.includes(asked()) ? asked() : remembered());
    window.addEventListener("hashchange", () => names.includes(asked()) && show(asked()));
    all.forEach((tab, number) => {
        tab.addEventListener("click", (event) => {
            event.preventDefault();
            choose(names[number]);
        });
        tab.addEventListener("keydown", (event) => {
            const last = all.length - 1;
            const to = { ArrowRight: number + 1, ArrowLeft: number - 1, Home: 0, End: last }[event.key];
            if (to !== undefined) {
                event.preventDefault();
                choose(names[to > last ? 0 : to < 0 ? last : to], true);
            } else if (event.key === " ") {
                event.preventDefault();
                choose(names[number]);
            }
        });
    });
}

function remember(name) {
    try {
        localStorage.setItem("parity-target", name);
    } catch {
        // storage may be switched off: the next page starts with its first tab
    }
}

function remembered() {
    try {
        return localStorage.getItem("parity-target") || "";
    } catch {
        return "";
    }
}

async function copy(button) {
    const text = document.getElementById(button.dataset.copy).textContent;
    let done = true;
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        done = copyOldWay(text);
    }
    button.textContent = done ? "Copied" : "Select and copy";
    say(done ? "Copied" : "The browser does not let this page copy");
    setTimeout(() => (button.textContent = "Copy"), 2000);
}

function copyOldWay(text) {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "hide";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
}

// The catalogue: every word must be in a page's words, every filter must hold; both stand in the address.
function filters(form) {
    const rows = [...document.querySelectorAll("#rows .row")];
    const controls = [...form.elements].filter((one) => one.name);
    const words = window.PARITY_INDEX || [];
    const read = () => {
        const given = new URLSearchParams(location.hash.slice(1));
        const asked = new URLSearchParams(location.search);
        controls.forEach((one) => (one.value = given.get(one.name) ?? asked.get(one.name) ?? ""));
        controls.forEach((one) => (one.value ||= ""));
    };
    const rank = (row, terms) => {
        const [title, text] = words[row.dataset.number] || ["", ""];
        let score = 0;
        for (const term of terms) {
            if (title.includes(term)) score += 2;
            else if (text.includes(term)) score += 1;
            else return 0;
        }
        return score + 1;
    };
    const apply = () => {
        const terms = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
        const wanted = controls.filter((one) => one.name !== "q" && one.value);
        const ranks = rows.map((row) =>
            wanted.every((one) => row.dataset[one.name].split(" ").includes(one.value)) ? rank(row, terms) : 0,
        );
        rows.forEach((row, number) => (row.hidden = ranks[number] === 0));
        const order = rows.map((row, number) => number).sort((a, b) => ranks[b] - ranks[a] || a - b);
        document.getElementById("rows").append(...order.map((number) => rows[number]));
        const shown = ranks.filter(Boolean).length;
        document.getElementById("count").textContent = `${shown} of ${rows.length} shown`;
        document.getElementById("none").hidden = shown > 0;
    };
    const write = () => {
        const state = new URLSearchParams(controls.filter((one) => one.value).map((one) => [one.name, one.value]));
        history.replaceState(null, "", "#" + state);
    };
    const change = () => {
        apply();
        write();
    };
    const clear = () => {
        controls.forEach((one) => (one.value = ""));
        change();
        form.elements.q.focus();
    };
    form.addEventListener("input", change);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", (event) => {
        event.preventDefault();
        clear();
    });
    document.getElementById("clear").addEventListener("click", clear);
    window.addEventListener("hashchange", () => {
        read();
        apply();
    });
    read();
    apply();
}

document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-tabs]").forEach(tabs);
    document.querySelectorAll("[data-copy]").forEach((one) => one.addEventListener("click", () => copy(one)));
    const form = document.getElementById("filters");
    if (form) filters(form);
    document.querySelectorAll(".find").forEach((find) =>
        find.addEventListener("submit", (event) => {
            event.preventDefault();
            const words = new URLSearchParams({ q: find.elements.q.value });
            location.href = `${find.dataset.root}catalogue.html#${words}`;
        }),
    );
    document.addEventListener("keydown", (event) => {
        if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
            event.preventDefault();
            (document.getElementById("q") || document.getElementById("find")).focus();
        }
    });
});

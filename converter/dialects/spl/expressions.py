"""The parser of eval and where expressions."""

from __future__ import annotations

import re

from converter.dialects.spl.nodes import Binary, Call, Expr, Literal, Name, Unary
from converter.dialects.spl.tokens import Scanner, unescape_eval

#: Functions with the least and greatest number of arguments (None: any number).
FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "match": (2, 2),
    "like": (2, 2),
    "cidrmatch": (2, 2),
    "in": (2, None),
    "isnull": (1, 1),
    "isnotnull": (1, 1),
    "lower": (1, 1),
    "upper": (1, 1),
    "if": (3, 3),
    "case": (2, None),
    "coalesce": (1, None),
    "mvcount": (1, 1),
    "len": (1, 1),
    "replace": (3, 3),
    "substr": (2, 3),
    "true": (0, 0),
    "false": (0, 0),
    "null": (0, 0),
    "tonumber": (1, 1),
    "tostring": (1, 1),
}

_NUMBER = re.compile(r"\d+(?:\.\d+)?(?![\w.])")
_FIELD = re.compile(r"'([^'\\]+)'")
_COMPARISON = re.compile(r"==|!=|<=|>=|=|<|>")
_ADDITIVE = re.compile(r"[+\-.]")
_MULTIPLICATIVE = re.compile(r"[*/%]")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Two bare names with a full stop between: eval concatenates the fields `a` and `b`, where `a.b` was surely meant.
_BARE_DOT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_]")
_OPERATORS = ("and", "or", "not", "xor", "in", "like")


def parse_expression(scanner: Scanner) -> Expr:
    """One expression. Order of precedence: NOT, AND, OR, XOR (the table in https://help.splunk.com/splunk-enterprise/
    search/search-manual/9.4/expressions-and-predicates/boolean-expressions-with-logical-operators)."""
    return _chain(scanner, ("XOR", "OR", "AND"))


def _chain(scanner: Scanner, operators: tuple[str, ...]) -> Expr:
    if not operators:
        return _negation(scanner)
    left = _chain(scanner, operators[1:])
    while scanner.take_word(operators[0]):
        left = Binary(operators[0], left, _chain(scanner, operators[1:]))
    return left


def _negation(scanner: Scanner) -> Expr:
    if scanner.take_word("NOT"):
        return Unary("NOT", _negation(scanner))
    return _comparison(scanner)


def _comparison(scanner: Scanner) -> Expr:
    left = _arithmetic(scanner)
    if scanner.take_word("IN", "in"):  # eval's in() may also stand between: `field in("a", "b")`
        return Call("in", (left, *_arguments(scanner, "in", given=1)))
    if scanner.take_word("LIKE"):
        return Call("like", (left, _arithmetic(scanner)))
    operator = scanner.match(_COMPARISON)
    if operator is None:
        return left
    result = Binary("=" if operator == "==" else operator, left, _arithmetic(scanner))
    if scanner.looking_at(_COMPARISON):
        scanner.fail("comparisons do not chain")
    return result


def _arithmetic(scanner: Scanner) -> Expr:
    left = _product(scanner)
    while operator := scanner.match(_ADDITIVE):
        left = Binary(operator, left, _product(scanner))
    return left


def _product(scanner: Scanner) -> Expr:
    left = _signed(scanner)
    while operator := scanner.match(_MULTIPLICATIVE):
        left = Binary(operator, left, _signed(scanner))
    return left


def _signed(scanner: Scanner) -> Expr:
    if not scanner.take("-"):
        return _primary(scanner)
    operand = _signed(scanner)
    if isinstance(operand, Literal) and not isinstance(operand.value, str):
        return Literal(-operand.value)
    return Unary("-", operand)


def _primary(scanner: Scanner) -> Expr:
    if scanner.take("("):
        inner = parse_expression(scanner)
        scanner.expect(")")
        return inner
    raw = scanner.string()
    if raw is not None:
        return Literal(unescape_eval(raw, scanner))
    number = scanner.match(_NUMBER)
    if number is not None:
        return Literal(float(number) if "." in number else int(number))
    quoted = scanner.match(_FIELD)
    if quoted is not None:
        return Name(quoted[1:-1])
    return _name_or_call(scanner)


def _name_or_call(scanner: Scanner) -> Expr:
    if scanner.looking_at(_BARE_DOT):
        scanner.fail("put a field name that contains a full stop in single quotes")
    name = scanner.match(_IDENTIFIER)
    if name is None:
        scanner.fail("expected an expression")
    if scanner.peek("("):
        return Call(name, tuple(_arguments(scanner, name)))
    if name.lower() in _OPERATORS:
        scanner.fail(f"{name} is an operator here; operators are upper case, fields of that name go in single quotes")
    return Name(name)


def _arguments(scanner: Scanner, function: str, given: int = 0) -> list[Expr]:
    """The bracketed arguments of `function`, of which `given` stood elsewhere."""
    if function not in FUNCTIONS:
        scanner.fail(f"the function {function}() is not covered")
    scanner.expect("(")
    args: list[Expr] = []
    if not scanner.take(")"):
        args.append(parse_expression(scanner))
        while scanner.take(","):
            args.append(parse_expression(scanner))
        scanner.expect(")")
    least, most = FUNCTIONS[function]
    count = len(args) + given
    if count < least or (most is not None and count > most) or (function == "case" and count % 2):
        scanner.fail(f"{function}() does not take {count} arguments")
    return args

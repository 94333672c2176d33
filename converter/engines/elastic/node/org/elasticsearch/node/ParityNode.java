package org.elasticsearch.node;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.plugins.MockPluginsService;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.PluginsLoader;
import org.elasticsearch.plugins.PluginsService;
import org.elasticsearch.transport.netty4.Netty4Plugin;
import org.elasticsearch.xpack.core.XPackPlugin;
import org.elasticsearch.xpack.esql.plugin.EsqlPlugin;
import org.elasticsearch.xpack.kql.KqlPlugin;

/**
 * Runs one Elasticsearch node for the process that started it.
 *
 * <p>Arguments: a folder of its own, then settings as {@code name=value}. The node keeps everything in the folder, writes the address
 * it serves into the file {@code address} there, and ends, removing the folder, when its standard input closes or its parent is
 * gone. Only this package may tell a node which plugins to load as classes, so the class lives here.
 */
public final class ParityNode {
  private static final List<Class<? extends Plugin>> PLUGINS =
    List.of(Netty4Plugin.class, XPackPlugin.class, EsqlPlugin.class, KqlPlugin.class);

  private ParityNode() {}

  public static void main(String[] arguments) throws Exception {
    Path home = Path.of(arguments[0]);
    Settings.Builder settings = Settings.builder().put("path.home", home);
    for (String setting : List.of(arguments).subList(1, arguments.length)) {
      int at = setting.indexOf('=');
      settings.put(setting.substring(0, at), setting.substring(at + 1));
    }
    LogConfigurator.configureWithoutConfig(Settings.builder().put("logger.level", "WARN").build());
    endWithParent(home);
    int code = 1;
    try {
      Node node = new Node(construction(new Environment(settings.build(), Files.createDirectories(home.resolve("config")))));
      node.start();
      publish(home, node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().toString());
      while (System.in.read() >= 0) {
        // nothing is said this way: what counts is that it stays open
      }
      code = 0;
    } catch (Throwable failure) {
      failure.printStackTrace();
    }
    end(home, code);
  }

  private static NodeConstruction construction(Environment environment) {
    NodeServiceProvider services = new NodeServiceProvider() {
      @Override
      PluginsService newPluginService(Environment own, PluginsLoader ignored) {
        return new MockPluginsService(own.settings(), own, PLUGINS);
      }
    };
    return NodeConstruction.prepareConstruction(environment, null, services, true);
  }

  /** A process that inherited the other end of our standard input would keep us alive after our parent's death. */
  private static void endWithParent(Path home) {
    ProcessHandle.current().parent().ifPresent(parent -> parent.onExit().thenRun(() -> end(home, 0)));
  }

  private static void publish(Path home, String address) throws IOException {
    Path written = Files.writeString(home.resolve("address.new"), address);
    Files.move(written, home.resolve("address"), StandardCopyOption.ATOMIC_MOVE);
  }

  /**
   * No orderly shutdown: nothing of the data is to be kept, and a node that hangs in it would stay for ever. After a failure
   * the folder stays, for whoever started us to read the log in it.
   */
  private static void end(Path home, int code) {
    for (int attempt = 0; code == 0 && attempt < 5 && Files.exists(home); attempt++) {
      try (Stream<Path> files = Files.walk(home)) {
        List<Path> all = new ArrayList<>(files.sorted(Comparator.reverseOrder()).toList());
        all.forEach(path -> path.toFile().delete());
      } catch (Exception stillWriting) {
        continue;
      }
    }
    Runtime.getRuntime().halt(code);
  }
}

package messina.oracle;

import java.util.Map;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.connect.runtime.ConnectMetrics;
import org.apache.kafka.connect.runtime.standalone.StandaloneConfig;

/** What the runtime's chain of transforms wants to be given. */
final class Stages {
    private static ConnectMetrics metrics;

    private Stages() {}

    static ConnectMetrics metrics() {
        if (metrics == null) {
            String converter = "org.apache.kafka.connect.storage.StringConverter";
            metrics = new ConnectMetrics("w", new StandaloneConfig(Map.of("bootstrap.servers", "127.0.0.1:1", "key.converter", converter,
                "value.converter", converter, "offset.storage.file.filename", "/tmp/unused")), Time.SYSTEM, "c");
        }
        return metrics;
    }
}

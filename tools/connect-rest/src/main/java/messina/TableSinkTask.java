package messina;

import java.util.Collection;
import java.util.Map;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/** Takes records; one whose value is the text `fail` ends the task. */
public class TableSinkTask extends SinkTask {
  @Override
  public void start(Map<String, String> properties) {}

  @Override
  public void put(Collection<SinkRecord> records) {
    for (SinkRecord record : records) {
      if ("fail".equals(record.value())) {
        throw new ConnectException("a record says `fail`");
      }
    }
  }

  @Override
  public void stop() {}

  @Override
  public String version() {
    return "1";
  }
}

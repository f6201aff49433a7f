package messina.oracle;

import java.util.Date;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;

/** TimestampConverter and TimestampRouter: every form of time to every other, patterns and texts. */
final class TimestampCases {
    private static final String NAME = "TimestampConverter$Value";
    private static final List<String> TARGETS = List.of("string", "unix", "Date", "Time", "Timestamp");
    private static final long[] TIMES = {0, -1, 1, 1_700_000_000_123L, -62_135_596_800_000L, 253_402_300_799_999L, 951_827_696_789L, 1_709_164_800_000L, -86_400_001L};
    private static final List<String> FORMATS = List.of("yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "yyyy-MM-dd HH:mm:ss Z", "EEE MMM dd HH:mm:ss zzz yyyy", "D yyyy",
        "hh:mm a", "yyMMdd", "yyyyMMddHHmmssSSS", "yyyy-MM-dd'T'HH:mm:ssX", "yyyy-MM-dd'T'HH:mm:ssXXX", "EEEE, d MMMM y", "H:m:s.S", "M/d/yy", "''yyyy''", "dd.MM.yyyy 'at' HH 'o''clock'", "yyyy-MM-dd'T'HH:mm:ss.SSSXX", "MM", "yyy", "");
    private static final List<String> TEXTS = List.of("2024-02-30", "2024-13-45junk", "1999-1-2", " 2024-01-01", "2024-01-01T10:20:30.456Z", "2024-01-01T10:20:30.5Z", "2024-01-01T10:20:30+02:00",
        "2024-01-01T10:20:30Z", "2024-01-01T10:20:30-0530", "2024-01-01T10:20:30+02", "2024-01-01 10:20:30 +0200", "2024-01-01 10:20:30 GMT", "2024-01-01 10:20:30 PST", "Mon Jan 01 10:20:30 UTC 2024", "mon jan 1 1:2:3 GMT 2024", "366 2024", "12:30 PM", "12:30 am", "240229", "690101", "20240101102030456",
        "2024010110203", "Monday, 1 January 2024", "25:61:61.1001", "1/2/3", "1/2/99", "1/2/2024", "'2024'", "01.02.2024 at 10 o'clock", "", "junk", "-5-01-01", "2024-01-01T10:20:30.456+0100", "12", "0", "99999-01-01", "2024--1-01");
    private final Cases cases;

    TimestampCases(Cases cases) {
        this.cases = cases;
    }

    void all() {
        for (String target : TARGETS) {
            Map<String, String> plain = Cases.config("target.type", target, "format", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'");
            for (SchemaAndValue part : Universe.parts()) {
                cases.transform(NAME, plain, part);
            }
            for (String field : List.of("at", "id", "s", "point", "nosuch", "d", "day", "time", "f64", "dec", "i32", "raw")) {
                Map<String, String> config = Cases.config("target.type", target, "format", "yyyy-MM-dd", "field", field);
                boolean small = List.of("at", "id", "s", "point", "nosuch", "d").contains(field);
                cases.transform(NAME, config, small ? Universe.of(Universe.SMALL, Universe.small()) : Universe.of(Universe.WIDE, Universe.wide()));
                cases.transform(NAME, config, Cases.bare(small ? Universe.smallMap() : Universe.wideMap()));
                cases.transform("TimestampConverter$Key", config, Universe.of(Universe.SMALL, null));
            }
            times(target);
            nulls(target);
            for (String text : List.of("true", "x")) {
                cases.transform(NAME, Cases.config("target.type", target), Cases.bare(text));
            }
        }
        for (String target : List.of("", "Unix", "STRING", "date", "long")) {
            cases.transform(NAME, Cases.config("target.type", target, "format", "yyyy"), Cases.bare(1L));
        }
        for (String precision : List.of("", "millis", "SECONDS")) {
            cases.transform(NAME, Cases.config("target.type", "unix", "unix.precision", precision), Cases.bare(1L));
        }
        cases.transform(NAME, Cases.config("target.type", "string"), Cases.bare(1L));
        cases.transform(NAME, Cases.config("target.type", "string", "format", "yyyy-bb"), Cases.bare(1L));
        cases.transform(NAME, Cases.config("target.type", "string", "format", "yyyy 'open"), Cases.bare(1L));
        cases.transform(NAME, Cases.config("format", "yyyy"), Cases.bare(1L));
        texts();
        routers();
    }

    private void times(String target) {
        for (long time : TIMES) {
            for (String precision : List.of("milliseconds", "seconds", "microseconds", "nanoseconds")) {
                Map<String, String> config = Cases.config("target.type", target, "unix.precision", precision, "format", "yyyy-MM-dd HH:mm:ss.SSS");
                cases.transform(NAME, config, Cases.bare(time));
                if (target.equals("unix")) {
                    cases.transform(NAME, config, Cases.bare(new Date(time)));
                }
            }
            Map<String, String> config = Cases.config("target.type", target, "format", "yyyy-MM-dd");
            cases.transform(NAME, config, Universe.of(Timestamp.SCHEMA, new Date(time)));
            cases.transform(NAME, config, Universe.of(SchemaBuilder.int64().optional().doc("d").build(), time));
            cases.transform(NAME, config, Universe.of(org.apache.kafka.connect.data.Date.SCHEMA, new Date(Math.floorDiv(time, 86_400_000L) * 86_400_000L)));
            cases.transform(NAME, config, Universe.of(Time.SCHEMA, new Date(Math.floorMod(time, 86_400_000L))));
        }
    }

    private void nulls(String target) {
        Schema schema = SchemaBuilder.struct().optional().field("t", Timestamp.builder().optional().defaultValue(new Date(5)).build())
            .field("n", Schema.OPTIONAL_INT64_SCHEMA).build();
        for (String replace : List.of("true", "false")) {
            for (String field : List.of("t", "n")) {
                cases.transform(NAME, Cases.config("target.type", target, "format", "SSS", "field", field, "replace.null.with.default", replace),
                    new SchemaAndValue(schema, new Struct(schema)));
            }
        }
        cases.transform(NAME, Cases.config("target.type", target, "format", "SSS"), Universe.of(Timestamp.builder().optional().build(), null));
        cases.transform(NAME, Cases.config("target.type", target, "format", "SSS"), Universe.of(Schema.OPTIONAL_STRING_SCHEMA, null));
    }

    private void texts() {
        for (String format : FORMATS) {
            for (long time : TIMES) {
                cases.transform(NAME, Cases.config("target.type", "string", "format", format), Cases.bare(time));
            }
            for (String text : TEXTS) {
                cases.transform(NAME, Cases.config("target.type", "unix", "format", format), Cases.bare(text));
            }
            cases.transform(NAME, Cases.config("target.type", "Timestamp", "format", format), Universe.of(Schema.STRING_SCHEMA, TEXTS.get(4)));
        }
    }

    private void routers() {
        for (Long time : new Long[] {1_700_000_000_123L, 0L, null}) {
            for (Map<String, String> config : List.of(Cases.config(), Cases.config("topic.format", "${topic}.${topic}", "timestamp.format", "yyyy"),
                Cases.config("topic.format", "fixed"), Cases.config("topic.format", "a-${timestamp}-${timestamp}", "timestamp.format", "yyyy-MM-dd-HH-mm-ss-SSS"),
                Cases.config("topic.format", "${topic}-${date}"), Cases.config("timestamp.format", ""), Cases.config("topic.format", ""),
                Cases.config("timestamp.format", "YYYY-'w'ww"), Cases.config("topic.format", "$topic ${TOPIC}"))) {
                if (!config.toString().contains("ww")) {
                    cases.transform("TimestampRouter", config, Cases.record(Cases.bare(null), Cases.bare("v"), time));
                }
            }
        }
    }
}

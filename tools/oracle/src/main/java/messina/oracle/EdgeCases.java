package messina.oracle;

import static messina.oracle.Cases.bare;
import static messina.oracle.Cases.config;

import java.util.Date;
import java.util.GregorianCalendar;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TimeZone;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;

/** Options, shapes and times at their edges. Each is there because a mutant of ours survived without it. */
final class EdgeCases {
    private static final String CONVERTER = "TimestampConverter$Value";
    private static final long DAY = 86_400_000L;
    private final Cases cases;

    EdgeCases(Cases cases) {
        this.cases = cases;
    }

    void all() {
        shapes();
        options();
        routers();
        written();
        read();
        limits();
    }

    private void shapes() {
        Map<Object, Object> numbered = Universe.map(1L, "x", "id", 7L);
        List<Object> keys = List.of("a");
        for (Map.Entry<String, Map<String, String>> transform : List.of(Map.entry("Cast$Value", config("spec", "id:string")), Map.entry("ExtractField$Value", config("field", "id")), Map.entry("Flatten$Value", config()),
            Map.entry("HeaderFrom$Value", config("fields", "id", "headers", "h", "operation", "move")), Map.entry("InsertField$Value", config("topic.field", "t")), Map.entry("MaskField$Value", config("fields", "id")), Map.entry("ReplaceField$Value", config("exclude", "id")), Map.entry("ReplaceField$Value", config("renames", "id:n")),
            Map.entry("ValueToKey", config("fields", "id")), Map.entry(CONVERTER, config("field", "id", "target.type", "Timestamp")))) {
            cases.transform(transform.getKey(), transform.getValue(), bare(numbered));
            cases.transform(transform.getKey(), transform.getValue(), bare(Universe.map(keys, 1L, "id", 2L)));
        }
        cases.transform("Flatten$Value", config(), bare(Universe.map("a", Universe.point(1, "y"))));
        cases.transform("Flatten$Value", config(), bare(Universe.map("a", Universe.map("b", Universe.point(1, "y")))));
        Schema inner = SchemaBuilder.struct().field("p", Universe.POINT).field("q", SchemaBuilder.struct().optional().field("p", Universe.POINT).field("z", Schema.STRING_SCHEMA).build()).build();
        Schema outer = SchemaBuilder.struct().field("in", SchemaBuilder.struct().optional().field("p", inner).field("n", Schema.INT8_SCHEMA).build()).field("end", Schema.STRING_SCHEMA).build();
        cases.transform("Flatten$Value", config(), new SchemaAndValue(outer, new Struct(outer).put("end", "e")));
        cases.transform("ReplaceField$Value", config("renames", "s:"), Universe.of(Universe.SMALL, Universe.small()));
        Map<Object, Object> ticked = Universe.map("a", Universe.map("b`.c", 1L, "b\\", 2L, "b`", 3L, "`", Universe.map("c", 4L)), "x`.y", 5L, "\\", Universe.map("z", 6L));
        for (String path : List.of("a.`b\\`.c`", "`x\\`.y`", "a.`b\\`", "a.`b\\``", "a.`b\\\\`.c`", "`\\`.z`", "`\\\\`.z", "a.`b`.c`", "a.`\\``.c", "a.```.c", "a.`b\\`.c`.d", "`x\\`.y`.z", "`x`.`y`", "`\\`.`", "a.`b`c`")) {
            for (String version : List.of("V1", "V2")) {
                cases.transform("ExtractField$Value", config("field", path, "field.syntax.version", version), bare(ticked));
            }
        }
        for (String target : List.of("string", "unix", "Date", "Time", "Timestamp")) {
            Map<String, String> config = config("target.type", target, "format", "yyyy", "field", "at");
            for (SchemaAndValue part : List.of(bare(null), Universe.of(Schema.OPTIONAL_STRING_SCHEMA, null), Universe.of(Schema.OPTIONAL_INT64_SCHEMA, null), Universe.of(Timestamp.builder().optional().build(), null), Universe.of(Schema.STRING_SCHEMA, "x"), bare("x"), bare(Universe.map()), bare(Universe.map("at", null)))) {
                cases.transform(CONVERTER, config, part);
            }
        }
    }

    private void options() {
        SchemaAndValue small = Universe.of(Universe.SMALL, Universe.small());
        for (SchemaAndValue part : List.of(small, bare(Universe.smallMap()))) {
            for (String replace : List.of("TRUE", "FALSE", " False ", "", "no")) {
                cases.transform("ReplaceField$Value", config("exclude", "id", "replace.null.with.default", replace), part);
            }
            cases.transform("HoistField$Value", config("field", " f "), part);
            cases.transform("SetSchemaMetadata$Value", config("schema.name", " N ", "schema.version", " 3 "), part);
            cases.transform("SetSchemaMetadata$Value", config("schema.name", " ", "schema.version", ""), part);
            cases.transform("Cast$Value", config("spec", " id : string , s : STRING "), part);
            cases.transform("Cast$Value", config("spec", "id:string,id:int8,id:int16"), part);
            cases.transform("InsertField$Value", config("static.field", " a! ", "static.value", " b "), part);
            cases.transform("InsertField$Value", config("topic.field", "a!!", "offset.field", "b??", "partition.field", "c?!"), part);
            cases.transform("InsertField$Value", config("topic.field", "a", "static.field", "a", "static.value", "b"), part);
            cases.transform("ReplaceField$Value", config("renames", "id:a,at:a"), part);
            cases.transform("ReplaceField$Value", config("renames", " id : a "), part);
            cases.transform("ReplaceField$Value", config("renames", "id:s,s:id"), part);
            cases.transform("HeaderFrom$Value", config("fields", "id,id", "headers", "a,b", "operation", "move"), part);
            cases.transform("HeaderFrom$Value", config("fields", "id", "headers", "a", "operation", " move "), part);
            cases.transform("Flatten$Value", config("delimiter", "!"), part);
            cases.transform("ValueToKey", config("fields", " id , s "), part);
            cases.transform("MaskField$Value", config("fields", " id , s "), part);
            cases.transform("ExtractField$Value", config("field", " id ", "field.syntax.version", " v1 "), part);
        }
        cases.transform("InsertHeader", config("header", " h ", "value.literal", " x "), bare("v"));
        cases.transform("InsertHeader", config("header", "", "value.literal", ""), bare("v"));
    }

    private void routers() {
        for (String[] route : new String[][] {{"(i)(o)(t)(.)(r)(a)(w)()()()()", "$1$2$3$4$5$6$7-$11-$10"}, {"((((((((((iot))))))))))(.)(raw)", "$11$12$10$1"}, {"((((((((((iot))))))))))(.)(raw)", "$13-$120"}, {"(iot)\\.(raw)", "$10"}, {"(iot)\\.(raw)", "$1$2$0"}, {"(iot)\\.(raw)", "$22"}, {"(iot)\\.(raw)", "$2.$1x"}, {"iot|iot\\.raw", "x"}, {"(?<a>iot)\\.(?<b1>raw)", "${b1}.${a}"}, {"(iot)\\.(raw)", "\\\\$1"}, {"(iot)\\.(raw)", "a\\b"},
            {"\\Qiot.raw\\E", "x"}, {"\\Qiot.raw", "x"}, {"\\Qiot\\E.*\\Qraw\\E", "x"}, {"i\\Qo\\Et\\Q.\\E(raw)", "$1"}, {"(x)?iot\\.raw", "[$1]"}, {"(x)?(iot)\\.raw", "$2$1$2"}, {"iot\\.raw|.*", "y"}, {".*?", "z"}, {"iot.raw", ""}, {"IOT.RAW", "n"}, {" iot.raw ", " m "}}) {
            cases.transform("RegexRouter", config("regex", route[0], "replacement", route[1]), bare("v"));
        }
        for (String pattern : List.of("\\Qiot.raw\\E", "\\Qiot.raw", "\\Qiot\\E.*\\Qraw\\E", "\\Qiot\\E\\Q.\\Eraw", "\\Qiot.\\E.*\\Q.raw\\E", "iot\\.raw\\Q\\E", " iot.raw ", "iot\\.raw\n", "raw", "(iot)\\.raw", ".*")) {
            cases.predicate("TopicNameMatches", config("pattern", pattern), Cases.record(bare("k"), bare("v"), 5L));
        }
        for (String format : List.of("yyyy''MM", "HH'h'", "''", "yyyyMMddHH", " yyyy ")) {
            cases.transform("TimestampRouter", config("timestamp.format", format), bare("v"));
        }
        cases.transform("TimestampRouter", config("topic.format", "${timestamp}${topic}${topic}", "timestamp.format", "'${topic}'"), bare("v"));
    }

    /** Times as texts: the calendar's turning points, then seeded ones. */
    private void written() {
        String all = "yyyy-MM-dd'T'HH:mm:ss.SSS D E EEEE MMM MMMM k K h a yy y M d H m s S z zzzz Z X XX XXX";
        long[] days = {-141_428, -141_427, -141_426, -719_529, -719_528, -719_527, -719_162, -719_163, -719_893, -1_000_000, -25_509, -25_508, -25_567, -25_568, 11_016, 11_017, 10_956, 10_957, 11_322, 11_323, 47_540, 47_541, 47_846, 47_847, 157_053, 2_932_896, 365, 364, 789, 790, -135_140, -135_081, -135_080, -171_499, -171_498};
        for (long day : days) {
            for (long time : new long[] {0, DAY - 1, 3_599_999, 3_600_000, 43_200_000, 46_799_999, 59_999, 60_000}) {
                if (time == 0 || Math.floorMod(day, 7) == 0) {
                    cases.transform(CONVERTER, config("target.type", "string", "format", all), bare(day * DAY + time));
                }
            }
        }
        GregorianCalendar calendar = new GregorianCalendar(TimeZone.getTimeZone("UTC"));
        for (int year : new int[] {-3, -2, -1, 0, 1, 2, 3, 4, 5, 100, 1000, 1496, 1497, 1498, 1499, 1500, 1501, 1582, 1583, 1600, 1700, 1899, 1900, 1999, 2000, 2001, 2100}) {
            for (int[] date : new int[][] {{1, 28}, {1, 29}, {2, 1}, {2, 2}, {11, 31}, {0, 1}}) {
                calendar.clear();
                calendar.set(year, date[0], date[1]);
                cases.transform(CONVERTER, config("target.type", "string", "format", "yyyy-MM-dd D E"), bare(calendar.getTimeInMillis()));
                cases.transform(CONVERTER, config("target.type", "unix", "format", "y-M-d"), bare(year + "-" + (date[0] + 1) + "-" + date[1]));
            }
        }
        for (long hour = 0; hour < 24; hour++) {
            cases.transform(CONVERTER, config("target.type", "string", "format", all), bare(19_723 * DAY + hour * 3_600_000 + hour * 61_001));
        }
        Random random = new Random(7);
        for (int count = 0; count < 300; count++) {
            long time = Math.floorMod(random.nextLong(), 16_000_000L * DAY / 10) - 900_000 * DAY;
            cases.transform(CONVERTER, config("target.type", "string", "format", all), bare(time));
        }
    }

    /** Texts as times: made by the original's own formats, then ones at the edges. */
    private void read() {
        Random random = new Random(8);
        for (int count = 0; count < 300; count++) {
            String text = (random.nextInt(4) == 0 ? "-" : "") + random.nextInt(3000) + "-" + (random.nextInt(16) - 1) + "-" + (random.nextInt(40) - 2) + " " + random.nextInt(30) + ":" + random.nextInt(70) + ":" + random.nextInt(70) + "." + random.nextInt(1200);
            cases.transform(CONVERTER, config("target.type", "unix", "format", "y-M-d H:m:s.S"), bare(text));
        }
        String[][] texts = {{"h a", "12 AM", "12 PM", "0 PM", "11 pm", "13 PM", "12 pM", "1 Am", "1 XM", "1 A", "1"}, {"K a", "12 AM", "0 PM", "11 PM"}, {"k", "24", "0", "1", "25", "23"}, {"HH h", "13 5", "13 12"}, {"h HH", "5 13"}, {"h", "12", "13", "1"}, {"K", "12", "11"}, {"D d yyyy", "100 5 2024", "366 31 2023"}, {"d D yyyy", "5 100 2024"}, {"D yyyy M", "100 2024 3"}, {"D", "1", "366", "-1"},
            {"MMM yyyy", "Feb 2024", "february 2024", "Decem 2024", "Dece", "Ma 2024", "May 2024", "xyz 2024"}, {"MMMM d", "March 5", "mar 5", "Dec 31"}, {"EEE d", "Sun 5", "sunday 5", "Sat 31", "Xyz 5"}, {"yyyy", "\t2024", " \t 2024", "\u00a02024", "+2024", "", " ", "-0", "2147483648", "99999999999", "9223372036854775808", "-2147483649", "300000000", "-300000000", "292278994", "292278995"},
            {"z", "GMT+5:30", "GMT-05:30", "gmt+1:00", "GMT+24:00", "GMT+1", "GMT+12:60", "GMT+1:5", "GMT+1:555", "+0230", "-0530", "+2400", "+2360", "+023", "+02:30", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "CET", "CEST", "cest", "UTC", "utc", "GMT", "UT", "X", "+", "+a", "-", "GMT+", "GMT-a", "GMT0", "UTC+1:00", "Z"},
            {"Z", "+0230", "-0530", "GMT+5:30", "+02", "+2359", "-2360"}, {"X", "+02", "+0230", "+2", "+23", "+24", "-05", "Z", "z", "+a", "02", "-0"}, {"XX", "+0230", "+02", "-2359", "+2360", "+02:30", "Z", "+1260", "+023"}, {"XXX", "+02:30", "-23:59", "+23:60", "+2:30", "+0230", "+02:3", "Z", "+02:", "+02:a0", "+02:-5", "+02:+5"},
            {"zX", "EST+02", "PSTZ"}, {"Z HH", "+0230 05"}, {"XXX yyyy", "+02:30 2024"}, {"XX'T'H", "-0130T5"}, {"y-M-d H:m:s.S", "292278994-08-17 07:12:55.807", "292278994-08-17 07:12:55.808", "292278994-8-17 8:0:0.0", "-292275054-05-16 16:47:04.192"}, {"yyyyMMdd", "2024 131", "20240131", "2024013", " 2024131", "2024\t131", "2024-131", "202401311"}, {"HHmm", "1234", "123", "12345", " 134", "-134", "1 34"}, {"yyMMdd", "240131", "24 131", "4 0131"}, {"yyyyMMMdd", "2024Jan31", "2024January31"}, {"ddMMMyy", "31Jan24", "31Jan2024", "1Jan24"}, {"yy", "24", "024", "4", "-4", "2024", "\u0662\u0664", "69", "00", "99", "50"}, {"y", "24", "4"}, {"yyy", "24"}, {"SSS", "5", "50", "500", "5000"},
            {"m:s", "61:61", "-1:5"}, {"'T'H''m", "T5'6", "t5'6"}, {"H:mm'Z'", "5:06Z", "5:06z", "5:06"}, {"  H", "  5", " 5", "   5"}, {"EHa", "Sun5AM", "Sun5"}, {"E", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}, {"EEE MMM yyyy", "Sun Feb 2024", "Thu Feb 2024", "Wed Feb 2024", "Fri Dec 2023"}, {"EEE yyyy", "Mon 2024", "Sun 2024"}, {"E D", "Sun 100"}, {"D E", "100 Sun"}, {"d E", "9 Sun"}, {"E d", "Sun 9"},
            {"HH h a", "13 5 AM", "13 5 PM"}, {"h HH a", "5 13 PM", "5 13 AM"}, {"a HH h", "PM 13 5"}, {"h a HH", "5 PM 13"}, {"HH a", "13 AM", "5 PM"}, {"a HH", "PM 5"}, {"a", "PM", "AM"}, {"K a H", "0 PM 3"}, {"k h a", "24 5 PM"}};
        for (String[] line : texts) {
            for (int index = 1; index < line.length; index++) {
                cases.transform(CONVERTER, config("target.type", "unix", "format", line[0]), bare(line[index]));
            }
        }
    }

    private void limits() {
        for (long time : new long[] {Long.MAX_VALUE, Long.MIN_VALUE, 10_000_000_000_000_000L, -10_000_000_000_000_000L, 9_223_372_036_854_775L, 9_223_372_036_855L, -9_223_372_036_855L, 185_542_587_187_200_000L, 185_542_587_187_199_999L, -185_542_587_187_200_000L, -185_542_587_187_200_001L}) {
            for (String precision : List.of("seconds", "milliseconds", "microseconds", "nanoseconds")) {
                cases.transform(CONVERTER, config("target.type", "unix", "unix.precision", precision), bare(new Date(time)));
                cases.transform(CONVERTER, config("target.type", "Timestamp", "unix.precision", precision), bare(time));
            }
            for (String target : List.of("Date", "Time")) {
                cases.transform(CONVERTER, config("target.type", target), bare(new Date(time)));
            }
        }
        for (long time : new long[] {DAY, DAY - 1, DAY + 1, 2 * DAY, -DAY, -1, 0}) {
            for (String type : List.of("string", "int32", "int64", "boolean", "float64")) {
                cases.transform("Cast$Value", config("spec", type), Universe.of(Timestamp.SCHEMA, new Date(time)));
            }
        }
    }
}

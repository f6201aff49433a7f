package messina.oracle;

import static messina.oracle.Cases.bare;
import static messina.oracle.Cases.config;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;

/** Each transform's options crossed with every kind of part; routers, header transforms, predicates, chains. */
final class TransformCases {
    private static final String PACKAGE = "org.apache.kafka.connect.transforms.";
    private final Cases cases;

    TransformCases(Cases cases) {
        this.cases = cases;
    }

    void all() {
        options().forEach((name, configs) -> {
            for (Map<String, String> config : configs) {
                for (SchemaAndValue part : Universe.parts()) {
                    cases.transform(name, config, part);
                }
            }
        });
        wrong();
        defaults();
        insertions();
        routers();
        headers();
        predicates();
        chains();
    }

    private static Map<String, List<Map<String, String>>> options() {
        Map<String, List<Map<String, String>>> all = new LinkedHashMap<>();
        List<String> specs = List.of("int32", "string", "id:string,d:int8,nosuch:boolean", "i8:string,f64:int32,dec:float64,raw:string,day:string");
        all.put("Cast$Value", specs.stream().map(spec -> config("spec", spec)).toList());
        all.put("Cast$Key", List.of(config("spec", "float64")));
        all.put("ExtractField$Value", List.of(config("field", "id"), config("field", "d"), config("field", "nosuch"), config("field", "point.x"),
            config("field", "point.x", "field.syntax.version", "V2"), config("field", "a.b.c", "field.syntax.version", "v2"), config("field", "d", "replace.null.with.default", "false")));
        all.put("ExtractField$Key", List.of(config("field", "id")));
        all.put("Flatten$Value", List.of(config(), config("delimiter", "_"), config("delimiter", "")));
        all.put("Flatten$Key", List.of(config()));
        all.put("HeaderFrom$Value", List.of(config("fields", "id,s", "headers", "h1,h2", "operation", "move"), config("fields", "id,d", "headers", "h1,h1", "operation", "copy"),
            config("fields", "nosuch", "headers", "h", "operation", "copy"), config("fields", "point", "headers", "h", "operation", "move")));
        all.put("HeaderFrom$Key", List.of(config("fields", "id", "headers", "h", "operation", "move")));
        all.put("HoistField$Value", List.of(config("field", "f")));
        all.put("HoistField$Key", List.of(config("field", "a.b")));
        all.put("InsertField$Value", List.of(config("topic.field", "t!", "partition.field", "p", "offset.field", "o?", "timestamp.field", "ts"),
            config("static.field", "id", "static.value", "x"), config("static.field", "st!", "static.value", "y", "timestamp.field", "ts!")));
        all.put("InsertField$Key", List.of(config("topic.field", "t", "static.field", "s2", "static.value", "x")));
        all.put("MaskField$Value", List.of(config("fields", "id,s,d,at"), config("fields", "id,s", "replacement", "123"), config("fields", "nosuch"), config("fields", "point"),
            config("fields", "i8,i16,i32,f32,f64,b,day,time,dec,list,map"), config("fields", "i8,f64,dec", "replacement", "12"), config("fields", "raw"), config("fields", "b", "replacement", "x")));
        all.put("MaskField$Key", List.of(config("fields", "id")));
        all.put("ReplaceField$Value", List.of(config("exclude", "id,nosuch"), config("include", "id,s,i32,list"), config("renames", "id:key,s:text"), config("include", "id,s", "exclude", "s", "renames", "id:n"),
            config("include", "n", "renames", "id:n"), config("whitelist", "id"), config("renames", "id:s")));
        all.put("ReplaceField$Key", List.of(config("exclude", "id")));
        all.put("SetSchemaMetadata$Value", List.of(config("schema.name", "N"), config("schema.version", "9"), config("schema.name", "N", "schema.version", "1")));
        all.put("SetSchemaMetadata$Key", List.of(config("schema.name", "N")));
        all.put("TimestampConverter$Key", List.of(config("target.type", "unix")));
        all.put("ValueToKey", List.of(config("fields", "id"), config("fields", "s,d"), config("fields", "d", "replace.null.with.default", "false"), config("fields", "nosuch"), config("fields", "id,id")));
        all.put("Filter", List.of(config()));
        return all;
    }

    /** Configurations that are refused, or read in surprising ways. */
    private void wrong() {
        SchemaAndValue map = bare(Universe.smallMap());
        for (Map.Entry<String, List<Map<String, String>>> entry : Map.of(
            "ExtractField$Value", List.of(config(), config("field", ""), config("field", "a", "field.syntax.version", "V3"), config("field", "`a.b", "field.syntax.version", "V2"),
                config("field", "id", "replace.null.with.default", "maybe"), config("field", " id "), config("field", "id", "nonsense", "1")),
            "HeaderFrom$Value", List.of(config(), config("fields", "a", "headers", "b,c", "operation", "move"), config("fields", "a", "headers", "b", "operation", "MOVE"), config("fields", "a", "headers", "b"),
                config("fields", "", "headers", "", "operation", "copy")),
            "HoistField$Value", List.of(config(), config("field", "")),
            "InsertField$Value", List.of(config(), config("static.field", "a"), config("static.value", "a"), config("topic.field", ""), config("topic.field", "!"), config("static.field", "a", "static.value", ""), config("topic.field", "a!?")),
            "MaskField$Value", List.of(config(), config("fields", ""), config("fields", "id", "replacement", ""), config("fields", "id,s", "replacement", "abc"), config("fields", "s", "replacement", " abc ")),
            "ReplaceField$Value", List.of(config(), config("renames", "a"), config("renames", "a:b:c"), config("renames", "id:"), config("renames", ":a"), config("exclude", " id , s "), config("renames", "id:a,id:b"), config("renames", "id:a,s:a")),
            "SetSchemaMetadata$Value", List.of(config(), config("schema.version", "x"), config("schema.name", ""), config("schema.version", "1.5")),
            "ValueToKey", List.of(config(), config("fields", ""), config("fields", "id,")),
            "Flatten$Value", List.of(config("delimiter", ".."), config("delimiter", " . ")),
            "RegexRouter", List.of(config(), config("regex", "a"), config("regex", "(", "replacement", "b"), config("regex", "iot.raw", "replacement", ""), config("regex", "", "replacement", "b"))).entrySet().stream().sorted(Map.Entry.comparingByKey()).toList()) {
            for (Map<String, String> config : entry.getValue()) {
                cases.transform(entry.getKey(), config, map);
                cases.transform(entry.getKey(), config, Universe.of(Universe.SMALL, Universe.small()));
            }
        }
        paths();
        cases.transform("InsertHeader", config("header", "h"), map);
        cases.transform("InsertHeader", config("value.literal", "h"), map);
        cases.transform("DropHeaders", config(), map);
        cases.transform("DropHeaders", config("headers", ""), map);
    }

    private void paths() {
        Map<Object, Object> odd = Universe.map("a.b", 1L, "a", Universe.map("b", 2L, "c.d", 3L, "e`f", 4L, "`", 5L), "x", null, "l", List.of(1L), "t", "text", "", 6L);
        for (String path : List.of("a.b", "`a.b`", "a.`c.d`", "a.`e\\`f`", "a.e`f", "x.y", "a.b.c", "l.0", "t.x", "a.", ".a", "a..b", "``", "a.```", "a.`b`", "`a`.b", "a.`b", "`a`b", "a.nosuch", "nosuch.a", "a.b.", ".", "`a.b`.c")) {
            for (String version : List.of("V1", "V2")) {
                cases.transform("ExtractField$Value", config("field", path, "field.syntax.version", version), bare(odd));
            }
        }
        for (String path : List.of("a.b.c", "a.b.d", "a.e", "a.b", "a.nosuch", "nosuch.c", "list.x", "id.x", "a.b.c.d")) {
            for (boolean inner : new boolean[] {true, false}) {
                cases.transform("ExtractField$Value", config("field", path, "field.syntax.version", "V2"), Universe.of(Universe.DEEP, Universe.deep(inner)));
            }
        }
    }

    /** Null fields with defaults, in every transform that reads fields. */
    private void defaults() {
        Schema schema = SchemaBuilder.struct().name("D").optional().field("i", SchemaBuilder.int32().optional().defaultValue(300).build())
            .field("t", SchemaBuilder.string().defaultValue("12").build()).field("n", Schema.OPTIONAL_FLOAT64_SCHEMA).build();
        SchemaAndValue part = Universe.of(schema, new Struct(schema));
        for (String replace : List.of("true", "false")) {
            String option = "replace.null.with.default";
            cases.transform("ExtractField$Value", config("field", "t", option, replace), part);
            cases.transform("ExtractField$Value", config("field", "i", "field.syntax.version", "V2", option, replace), part);
            cases.transform("Flatten$Value", config(option, replace), part);
            cases.transform("HeaderFrom$Value", config("fields", "i", "headers", "h", "operation", "move", option, replace), part);
            cases.transform("HeaderFrom$Value", config("fields", "t", "headers", "h", "operation", "copy", option, replace), part);
            cases.transform("HoistField$Value", config("field", "f", option, replace), part);
            cases.transform("InsertField$Value", config("topic.field", "topic", option, replace), part);
            cases.transform("MaskField$Value", config("fields", "i,n", option, replace), part);
            cases.transform("MaskField$Value", config("fields", "i,t", "replacement", "5", option, replace), part);
            cases.transform("ReplaceField$Value", config("renames", "i:j", option, replace), part);
            cases.transform("ReplaceField$Value", config("exclude", "n", option, replace), part);
            cases.transform("SetSchemaMetadata$Value", config("schema.name", "E", option, replace), part);
            cases.transform("ValueToKey", config("fields", "i,t", option, replace), part);
        }
        Schema whole = SchemaBuilder.struct().field("a", SchemaBuilder.struct().optional().field("b", SchemaBuilder.int32().defaultValue(4).build())
            .field("c", SchemaBuilder.string().optional().defaultValue("c").build()).build()).build();
        for (String delimiter : List.of(".", "--")) {
            cases.transform("Flatten$Value", config("delimiter", delimiter), Universe.of(whole, new Struct(whole)));
            cases.transform("Flatten$Value", config("delimiter", delimiter), Universe.of(whole, new Struct(whole).put("a", new Struct(whole.field("a").schema()))));
        }
        cases.transform("Flatten$Value", config(), bare(Universe.map("a", Universe.map(1L, Universe.map(true, "x")), 2L, 5L)));
        cases.transform("Flatten$Value", config(), bare(Universe.map("a", Universe.map("b", null))));
    }

    private void insertions() {
        Map<String, String> all = config("topic.field", "t", "partition.field", "p", "offset.field", "o", "timestamp.field", "ts!", "static.field", "s9", "static.value", "v");
        for (SchemaAndValue part : Universe.parts()) {
            cases.transform("InsertField$Value", all, Cases.record(bare(null), part, null));
        }
        cases.transform("InsertField$Value", config("topic.field", "s"), Universe.of(Universe.SMALL, Universe.small()));
        cases.transform("InsertField$Value", config("topic.field", "x", "offset.field", "x"), Universe.of(Universe.SMALL, Universe.small()));
        cases.transform("InsertField$Value", config("topic.field", "x", "offset.field", "x"), bare(Universe.smallMap()));
    }

    private void routers() {
        String[][] routes = {{"iot\\.raw", "x"}, {"iot", "x"}, {"(.*)\\.(.*)", "$2-$1"}, {"(?<a>i.t).*", "${a}!"}, {".*", "\\$1"}, {"iot.(r)(a)?(w)(z)?", "$1$2$3[$4]"}, {"IOT.RAW", "x"}, {"(?i)IOT.RAW", "$0$0"},
            {"(i)(o)t\\.raw", "$11"}, {"[a-z.]+", "a b"}, {"iot\\.raw|x", "alt"}, {"x|iot", "alt"}, {".+?", "lazy"}, {"\\w+\\.\\w+", "w\\\\w"}, {"iot\\Q.\\Eraw", "q"}, {"(.)ot\\.(\\p{Alpha}+)", "$1$2"},
            {"", "empty"}, {"iot\\.raw", ""}, {".*", "$0"}, {"(\\w)\\w*\\.\\w*", "\\x$1"}};
        for (String[] route : routes) {
            cases.transform("RegexRouter", config("regex", route[0], "replacement", route[1]), bare("v"));
        }
    }

    private void headers() {
        Object[] present = {"a", Universe.of(Schema.STRING_SCHEMA, "1"), "b", bare(2L), "a", Universe.of(Schema.INT8_SCHEMA, (byte) 3), "B", bare(null)};
        ObjectNode record = Cases.record(bare(null), bare(Universe.smallMap()), 5L, present);
        ObjectNode struct = Cases.record(bare(null), Universe.of(Universe.SMALL, Universe.small()), 5L, present);
        for (String names : List.of("a", "b,B", "nosuch", "a,b,B", " a ")) {
            cases.transform("DropHeaders", config("headers", names), record);
        }
        for (String operation : List.of("copy", "move")) {
            cases.transform("HeaderFrom$Value", config("fields", "id,point", "headers", "a,c", "operation", operation), record);
            cases.transform("HeaderFrom$Value", config("fields", "id,point", "headers", "a,c", "operation", operation), struct);
        }
        for (String literal : HeaderCases.TEXTS) {
            cases.transform("InsertHeader", config("header", "a", "value.literal", literal), record);
        }
    }

    private void predicates() {
        ObjectNode tombstone = Cases.record(bare("k"), Universe.of(Schema.OPTIONAL_STRING_SCHEMA, null), 5L, "h", bare(1L));
        ObjectNode record = Cases.record(bare("k"), bare("v"), 5L, "h", bare(null), "", bare("x"));
        ObjectNode plain = Cases.record(bare("k"), bare(null), null);
        for (ObjectNode each : List.of(tombstone, record, plain)) {
            cases.predicate("RecordIsTombstone", config(), each);
            for (String name : List.of("h", "H", "nosuch", "", " h ")) {
                cases.predicate("HasHeaderKey", config("name", name), each);
            }
            for (String pattern : List.of("iot", "iot\\..*", "iot.raw", ".*raw", "(", "", "(?i)IOT.RAW", "a|iot\\.raw", "a|iot", "^iot\\.raw$")) {
                cases.predicate("TopicNameMatches", config("pattern", pattern), each);
            }
        }
        cases.predicate("HasHeaderKey", config(), plain);
        cases.predicate("TopicNameMatches", config(), plain);
    }

    private static Map<String, String> chained(String... options) {
        Map<String, String> all = new LinkedHashMap<>();
        for (int index = 0; index < options.length; index += 2) {
            String value = options[index + 1];
            boolean type = options[index].endsWith(".type") && !value.contains(".");
            all.put(options[index], type ? PACKAGE + (options[index].startsWith("predicates") ? "predicates." : "") + value : value);
        }
        return all;
    }

    private void chains() {
        List<Map<String, String>> chains = new ArrayList<>(List.of(
            chained(), chained("transforms", ""), chained("transforms", "a"), chained("transforms", "a,a", "transforms.a.type", "Filter"), chained("transforms", "a", "transforms.a.type", "NoSuch"),
            chained("transforms", "a,b", "transforms.a.type", "InsertField$Value", "transforms.a.topic.field", "t", "transforms.b.type", "HoistField$Value", "transforms.b.field", "w"),
            chained("transforms", "a,b", "transforms.a.type", "HoistField$Value", "transforms.a.field", "w", "transforms.b.type", "Cast$Value", "transforms.b.spec", "w:int8"),
            chained("transforms", "a,b,c", "transforms.a.type", "ExtractField$Value", "transforms.a.field", "id", "transforms.b.type", "Cast$Value", "transforms.b.spec", "string", "transforms.c.type", "HoistField$Key", "transforms.c.field", "k"),
            chained("transforms", "a", "transforms.a.type", "Filter"), chained("transforms", "r,a", "transforms.r.type", "RegexRouter", "transforms.r.regex", ".*", "transforms.r.replacement", "z", "transforms.a.type", "Filter", "transforms.a.predicate", "p",
                "predicates", "p", "predicates.p.type", "TopicNameMatches", "predicates.p.pattern", "z"),
            chained("transforms", "a", "transforms.a.type", "Filter", "transforms.a.negate", "true"), chained("transforms", "a", "transforms.a.type", "Filter", "transforms.a.predicate", "nosuch"),
            chained("transforms", "a", "transforms.a.type", "Filter", "transforms.a.predicate", ""), chained("transforms", "k,e", "transforms.k.type", "ValueToKey", "transforms.k.fields", "id", "transforms.e.type", "ExtractField$Key", "transforms.e.field", "id")));
        for (String negate : List.of("true", "false", "TRUE")) {
            for (String[] predicate : new String[][] {{"TopicNameMatches", "pattern", "iot\\..*"}, {"TopicNameMatches", "pattern", "iot"}, {"HasHeaderKey", "name", "h"}, {"RecordIsTombstone", "x", "y"}, {"HasHeaderKey", "x", "y"}}) {
                chains.add(chained("transforms", "i,f,z", "transforms.i.type", "HeaderFrom$Value", "transforms.i.headers", "h2", "transforms.i.fields", "s", "transforms.i.operation", "copy", "transforms.f.type", "Filter", "transforms.f.predicate", "p", "transforms.f.negate", negate,
                    "transforms.z.type", "MaskField$Value", "transforms.z.fields", "id", "predicates", "p", "predicates.p.type", predicate[0], "predicates.p." + predicate[1], predicate[2]));
            }
        }
        for (Map<String, String> chain : chains) {
            cases.chain(chain, Cases.record(bare("k"), bare(Universe.smallMap()), 5L, "h", bare("x")));
            cases.chain(chain, Cases.record(bare("k"), Universe.of(Universe.SMALL, Universe.small()), 5L));
            cases.chain(chain, Cases.record(bare(null), bare(null), 5L, "h", bare("x")));
        }
    }
}

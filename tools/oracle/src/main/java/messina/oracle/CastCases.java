package messina.oracle;

import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;

/** Cast: every scalar to every type, as a whole and as a field, with and without schema. */
final class CastCases {
    private static final List<String> TYPES = List.of("int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string");
    private final Cases cases;

    CastCases(Cases cases) {
        this.cases = cases;
    }

    void all() {
        for (String type : TYPES) {
            for (SchemaAndValue scalar : Universe.scalars()) {
                cases.transform("Cast$Value", Cases.config("spec", type), scalar);
                cases.transform("Cast$Value", Cases.config("spec", "f:" + type), Cases.bare(Universe.map("f", scalar.value())));
                if (!(scalar.value() instanceof String)) {
                    Schema schema = SchemaBuilder.struct().field("f", scalar.schema()).build();
                    cases.transform("Cast$Value", Cases.config("spec", "f:" + type), new SchemaAndValue(schema, new Struct(schema).put("f", scalar.value())));
                }
            }
            defaults(type);
        }
        for (String spec : List.of("", "int128", "string,a:int8", "a:int8,b", "a:", ":int8", "a:b:int8", "a:INT8,id:String", " id : int8 ", "bytes", "a:bytes", "id:int8,id:string",
            "int8,int16", "float", "Boolean", "nosuch:int8", "s:int32", "point:string", "list:string", "d:string,at:int64,at:string", ",", "id:int8,")) {
            for (SchemaAndValue part : List.of(Universe.of(Universe.SMALL, Universe.small()), Cases.bare(Universe.smallMap()))) {
                cases.transform("Cast$Value", Cases.config("spec", spec), part);
            }
        }
        cases.transform("Cast$Value", Map.of(), Cases.bare(1L));
    }

    /** Fields with defaults: the default is cast as well. */
    private void defaults(String type) {
        Schema schema = SchemaBuilder.struct().name("D").optional()
            .field("i", SchemaBuilder.int32().optional().defaultValue(300).doc("x").parameter("q", "r").build())
            .field("t", SchemaBuilder.string().defaultValue("12").build())
            .field("w", SchemaBuilder.float64().optional().defaultValue(2.5).name("n").version(3).build()).build();
        for (String replace : List.of("true", "false")) {
            Map<String, String> config = Cases.config("spec", "i:" + type + ",t:" + type + ",w:" + type, "replace.null.with.default", replace);
            cases.transform("Cast$Value", config, new SchemaAndValue(schema, new Struct(schema).put("i", 1)));
            cases.transform("Cast$Value", config, new SchemaAndValue(schema, new Struct(schema).put("t", "99").put("w", 1e3)));
            Schema whole = SchemaBuilder.int64().optional().defaultValue(9L).build();
            cases.transform("Cast$Key", Cases.config("spec", type, "replace.null.with.default", replace), new SchemaAndValue(whole, null));
            cases.transform("Cast$Key", Cases.config("spec", type, "replace.null.with.default", replace), new SchemaAndValue(whole, 4L));
        }
    }
}

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/** veraPDF's rules put to files: FLAVOUR,FLAVOUR FILE... A line per file and flavour, then one per rule that is broken. */
class Conformance {
    public static void main(String[] arguments) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        for (int place = 1; place < arguments.length; place++)
            for (String name : arguments[0].split(","))
                report(PDFAFlavour.fromString(name), Path.of(arguments[place]));
    }

    private static void report(PDFAFlavour flavour, Path file) throws Exception {
        var foundry = Foundries.defaultInstance();
        try (var content = Files.newInputStream(file); var parser = foundry.createParser(content, flavour)) {
            ValidationResult found = foundry.createValidator(flavour, false).validate(parser);
            System.out.println(String.join("\t", "file", flavour.getId(), file.getFileName().toString(),
                found.isCompliant() ? "kept" : "broken", Integer.toString(found.getTotalAssertions())));
            Map<String, Integer> times = new TreeMap<>();
            Map<String, String> first = new TreeMap<>();
            for (TestAssertion one : found.getTestAssertions()) {
                String rule = one.getRuleId().getClause() + "-" + one.getRuleId().getTestNumber();
                times.merge(rule, 1, Integer::sum);
                first.putIfAbsent(rule, one.getMessage().replaceAll("\\s+", " ") + " @ " + one.getLocation().getContext());
            }
            times.forEach((rule, count) ->
                System.out.println(String.join("\t", "rule", flavour.getId(), rule, count.toString(), first.get(rule))));
        }
    }
}

package dev.timerd.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import io.grpc.Channel;
import io.grpc.ManagedChannelBuilder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Runs a folder of cases (tests/conformance/README.md) against a server.
 *
 * <p>usage: Conformance HOST:PORT FOLDER
 */
public class Conformance {
  private static final Map<String, Set<String>> KEYS = Map.of(
      "call", Set.of("call", "request", "stream", "expect", "expect_error", "save"),
      "read", Set.of("read", "expect", "save"),
      "gather", Set.of("gather", "expect", "save"),
      "send", Set.of("send", "message"),
      "finish", Set.of("finish"),
      "closed", Set.of("closed", "status", "reason"),
      "detach", Set.of("detach"));
  private static final Pattern VARIABLE = Pattern.compile("\\$\\{(\\w+)\\}");

  private final Channel channel;
  private final Map<String, String> variables = new HashMap<>();
  private final Map<String, Stream> streams = new HashMap<>();

  private Conformance(Channel channel) {
    this.channel = channel;
    variables.put("namespace", "java-" + UUID.randomUUID());
  }

  private void run(JsonArray steps) throws InterruptedException {
    int number = 0;
    try {
      for (JsonElement step : steps) {
        number++;
        run(step.getAsJsonObject());
      }
    } catch (Failure failure) {
      throw new Failure("step %d, %s: %s", number, steps.get(number - 1), failure.getMessage());
    } finally {
      streams.values().forEach(Stream::cancel);
    }
  }

  private void run(JsonObject step) throws InterruptedException {
    String kind = KEYS.keySet().stream().filter(step::has).findFirst().orElse("");
    if (kind.isEmpty() || !KEYS.get(kind).containsAll(step.keySet())) {
      throw new Failure("it has a key that no such step has");
    }
    String name = step.get(kind).getAsString();
    if (kind.equals("call")) {
      call(name, step);
      return;
    }
    Stream stream = streams.get(name);
    if (stream == null) {
      throw new Failure("no stream is called %s", name);
    }
    switch (kind) {
      case "read", "gather" -> {
        JsonElement message = stream.gather(
            kind.equals("read") ? new JsonObject() : step.getAsJsonObject("expect"));
        if (message == null) {
          throw new Failure("the stream has ended with %s", stream.ending());
        }
        check(step, message);
      }
      case "send" -> stream.send(content(step, "message"));
      case "finish" -> stream.finish();
      case "closed" -> stream.expectEnd(step);
      default -> {
        stream.cancel();
        streams.remove(name);
      }
    }
  }

  private void call(String rpc, JsonObject step) throws InterruptedException {
    JsonObject request = content(step, "request");
    Stream stream = new Stream(channel, rpc, variables.get("namespace"), request);
    if (step.has("stream")) {
      streams.put(step.get("stream").getAsString(), stream);
    }
    if (stream.takesManyRequests()) {
      return;
    }
    JsonElement message = stream.read();
    if (step.has("expect_error")) {
      if (message != null) {
        throw new Failure("not refused, but answered with %s", message);
      }
      Json.match(resolve(step.get("expect_error")), stream.ending(), "the refusal");
      return;
    }
    if (message == null) {
      throw new Failure("no answer, but %s", stream.ending());
    }
    check(step, message);
    if (!step.has("stream")) {
      stream.expectEnd(new JsonObject());
    }
  }

  private void check(JsonObject step, JsonElement message) {
    for (Map.Entry<String, JsonElement> each : content(step, "save").entrySet()) {
      JsonElement saved = Json.pick(message, each.getValue().getAsString());
      variables.put(each.getKey(), Json.textOf(saved));
    }
    Json.match(content(step, "expect"), message, "the answer");
  }

  private JsonObject content(JsonObject step, String key) {
    return step.has(key) ? resolve(step.get(key)).getAsJsonObject() : new JsonObject();
  }

  /** {@code value} with its variables, bytes and sums of times worked out. */
  private JsonElement resolve(JsonElement value) {
    if (value instanceof JsonObject object) {
      JsonObject resolved = new JsonObject();
      object.entrySet().forEach(each -> resolved.add(each.getKey(), resolve(each.getValue())));
      return resolved;
    }
    if (value instanceof JsonArray array) {
      JsonArray resolved = new JsonArray();
      array.forEach(each -> resolved.add(resolve(each)));
      return resolved;
    }
    if (!Json.isText(value)) {
      return value;
    }
    String text = VARIABLE.matcher(value.getAsString()).replaceAll(found -> {
      if (!variables.containsKey(found.group(1))) {
        throw new Failure("nothing was saved as %s", found.group(1));
      }
      return Matcher.quoteReplacement(variables.get(found.group(1)));
    });
    if (text.startsWith("text:")) {
      byte[] bytes = text.substring("text:".length()).getBytes(StandardCharsets.UTF_8);
      return new JsonPrimitive(Base64.getEncoder().encodeToString(bytes));
    }
    return new JsonPrimitive(Json.addUp(text));
  }

  public static void main(String[] args) throws Exception {
    var channel = ManagedChannelBuilder.forTarget(args[0]).usePlaintext().build();
    int passed = 0;
    int failed = 0;
    List<Path> files;
    try (var folder = Files.list(Path.of(args[1]))) {
      files = folder.filter(file -> file.toString().endsWith(".json")).sorted().toList();
    }
    for (Path file : files) {
      String subject = file.getFileName().toString().replace(".json", "").replace('_', ' ');
      for (JsonElement each : JsonParser.parseString(Files.readString(file)).getAsJsonArray()) {
        String name = subject + " " + each.getAsJsonObject().get("name").getAsString();
        try {
          new Conformance(channel).run(each.getAsJsonObject().getAsJsonArray("steps"));
          passed++;
          System.out.println("ok      " + name);
        } catch (Failure failure) {
          failed++;
          System.out.println("FAILED  " + name + "\n        " + failure.getMessage());
        }
      }
    }
    System.out.println(passed + " passed, " + failed + " failed");
    channel.shutdownNow();
    System.exit(passed > 0 && failed == 0 ? 0 : 1);
  }
}

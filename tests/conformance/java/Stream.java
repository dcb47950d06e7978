package dev.timerd.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import dev.timerd.v1.ClockGrpc;
import dev.timerd.v1.QueuesGrpc;
import dev.timerd.v1.StatusDetails;
import dev.timerd.v1.TimersGrpc;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.grpc.StatusException;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The messages of one RPC, as JSON. Those of a unary RPC are a stream of one. */
class Stream {
  private static final List<ServiceDescriptor> SERVICES = List.of(
      TimersGrpc.getServiceDescriptor(), ClockGrpc.getServiceDescriptor(),
      QueuesGrpc.getServiceDescriptor());
  private static final int RPC_DEADLINE_S = 30;
  private static final Metadata.Key<StatusDetails> DETAILS = Metadata.Key.of(
      "grpc-status-details-bin",
      ProtoUtils.metadataMarshaller(StatusDetails.getDefaultInstance()));

  private final String namespace;
  private final MethodDescriptor<Message, Message> method;
  private final BlockingClientCall<Message, Message> call;
  private JsonObject ending;

  /** Calls {@code rpc}; without {@code request} if it takes many of them, by send(). */
  @SuppressWarnings("unchecked")
  Stream(Channel channel, String rpc, String namespace, JsonObject request) {
    this.namespace = namespace;
    method = (MethodDescriptor<Message, Message>) SERVICES.stream()
        .flatMap(service -> service.getMethods().stream())
        .filter(each -> rpc.equals(each.getBareMethodName()))
        .findFirst()
        .orElseThrow(() -> new Failure("no service has an RPC %s", rpc));
    CallOptions options =
        CallOptions.DEFAULT.withDeadlineAfter(RPC_DEADLINE_S, TimeUnit.SECONDS);
    call = takesManyRequests()
        ? ClientCalls.blockingBidiStreamingCall(channel, method, options)
        : ClientCalls.blockingV2ServerStreamingCall(channel, method, options, parse(request));
  }

  boolean takesManyRequests() {
    return !method.getType().clientSendsOneMessage();
  }

  private Message parse(JsonObject content) {
    var marshaller = (MethodDescriptor.PrototypeMarshaller<?>) method.getRequestMarshaller();
    Message.Builder request = ((Message) marshaller.getMessagePrototype()).newBuilderForType();
    boolean named = request.getDescriptorForType().findFieldByName("namespace") != null;
    if (named && !content.has("namespace")) {
      content.addProperty("namespace", namespace);
    }
    try {
      JsonFormat.parser().merge(content.toString(), request);
    } catch (InvalidProtocolBufferException malformed) {
      throw new Failure("%s", malformed.getMessage());
    }
    return request.build();
  }

  void send(JsonObject content) throws InterruptedException {
    try {
      call.write(parse(content));
    } catch (StatusException refused) {
      throw new Failure("the stream has ended with %s", describe(refused));
    }
  }

  void finish() {
    call.halfClose();
  }

  void cancel() {
    call.cancel("detached", null);
  }

  /** The next message; null when it has ended, and then ending() says how. */
  JsonElement read() throws InterruptedException {
    return gather(new JsonObject());
  }

  /** As read(), of messages joined until each list has as many elements as expected. */
  JsonElement gather(JsonObject expected) throws InterruptedException {
    Message.Builder joined = null;
    try {
      for (Message next = call.read(); next != null; next = call.read()) {
        joined = joined == null ? next.toBuilder() : joined.mergeFrom(next);
        JsonObject message = Json.of(joined.build()).getAsJsonObject();
        if (hasLists(message, expected)) {
          return message;
        }
      }
      ending = new JsonObject();
      ending.addProperty("code", "OK");
    } catch (StatusException refused) {
      ending = describe(refused);
    }
    return null;
  }

  private static boolean hasLists(JsonObject message, JsonObject expected) {
    return expected.entrySet().stream().allMatch(
        each -> !(each.getValue() instanceof JsonArray list)
            || message.get(each.getKey()) instanceof JsonArray actual
                && actual.size() >= list.size());
  }

  JsonObject ending() {
    return ending;
  }

  void expectEnd(JsonObject step) throws InterruptedException {
    JsonElement message = read();
    if (message != null) {
      throw new Failure("it goes on with %s", message);
    }
    JsonObject expected = new JsonObject();
    expected.add("code", step.has("status") ? step.get("status") : new JsonPrimitive("OK"));
    if (step.has("reason")) {
      expected.add("reason", step.get("reason"));
    }
    Json.match(expected, ending, "the end");
  }

  /** How an RPC was refused: code, message, and what is in its details. */
  private static JsonObject describe(StatusException refused) {
    JsonObject description = new JsonObject();
    description.addProperty("code", refused.getStatus().getCode().name());
    description.addProperty("message", refused.getStatus().getDescription());
    StatusDetails details =
        refused.getTrailers() == null ? null : refused.getTrailers().get(DETAILS);
    if (details != null) {
      JsonObject all = Json.of(details).getAsJsonObject();
      for (JsonElement detail : all.getAsJsonArray("details")) {
        detail.getAsJsonObject().entrySet()
            .forEach(each -> description.add(each.getKey(), each.getValue()));
      }
    }
    return description;
  }
}

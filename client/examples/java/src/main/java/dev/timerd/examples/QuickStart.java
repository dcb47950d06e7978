package dev.timerd.examples;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import dev.timerd.v1.Event;
import dev.timerd.v1.Outcome;
import dev.timerd.v1.ReportRequest;
import dev.timerd.v1.ScheduleRequest;
import dev.timerd.v1.StartLoopRequest;
import dev.timerd.v1.StopLoopRequest;
import dev.timerd.v1.TimersGrpc;
import dev.timerd.v1.WithTimeoutRequest;
import io.grpc.ManagedChannelBuilder;

/** timerd in one screen, with the code that protoc generates. README.md says how to run it. */
public class QuickStart {
  public static void main(String[] args) {
    var channel = ManagedChannelBuilder.forTarget(args[0]).usePlaintext().build();
    var timers = TimersGrpc.newBlockingStub(channel);

    // Later: the first message says that the timer is kept, the next one comes when it fires.
    var timer = timers.schedule(ScheduleRequest.newBuilder()
        .setDelay(Durations.fromSeconds(1))
        .setPayload(ByteString.copyFromUtf8("hello, world"))
        .build());
    timer.next();
    Event fired = timer.next().getEvent();
    System.out.printf("timer %s: %s%n", fired.getType(), fired.getPayload().toStringUtf8());

    // Again and again: the next tick comes once this one is reported.
    var loop = timers.startLoop(StartLoopRequest.newBuilder()
        .setInterval(Durations.fromMillis(500)).setStartNow(true).build());
    String id = loop.next().getAcknowledged().getId();
    for (int i = 0; i < 2; i++) {
      Event tick = loop.next().getEvent();
      System.out.printf("tick %d, missed %d%n", tick.getRun(), tick.getMissed());
      timers.report(ReportRequest.newBuilder().setId(id).setRun(tick.getRun())
          .setOutcome(Outcome.newBuilder().setResult(Outcome.Result.RESULT_SUCCESS)).build());
    }
    timers.stopLoop(StopLoopRequest.newBuilder().setId(id).build());
    System.out.printf("loop %s%n", loop.next().getEvent().getType());

    // Not longer than: nobody reports in time.
    var task = timers.withTimeout(
        WithTimeoutRequest.newBuilder().setTimeout(Durations.fromSeconds(1)).build());
    task.next();
    System.out.printf("task %s%n", task.next().getEvent().getType());

    channel.shutdownNow();
  }
}

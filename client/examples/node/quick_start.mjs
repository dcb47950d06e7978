// timerd in one screen, with the code that protobuf-ts generates. README.md says how to run it.
import {ChannelCredentials} from "@grpc/grpc-js";
import {GrpcTransport} from "@protobuf-ts/grpc-transport";
import {TimersClient} from "./timerd/v1/timers.client.js";
import * as pb from "./timerd/v1/timers.js";

const transport = new GrpcTransport({
  host: process.argv[2],
  channelCredentials: ChannelCredentials.createInsecure(),
});
const timers = new TimersClient(transport);

const milliseconds = (n) => ({seconds: BigInt(Math.floor(n / 1000)), nanos: (n % 1000) * 1e6});
const messagesOf = (call) => call.responses[Symbol.asyncIterator]();
const nextOf = async (messages) => (await messages.next()).value.message;
const nameOf = (event) => pb.Event_Type[event.type];

// Later: the first message says that the timer is kept, the next one comes when it fires.
const timer = messagesOf(timers.schedule(pb.ScheduleRequest.create(
    {delay: milliseconds(1000), payload: new TextEncoder().encode("hello, world")})));
await nextOf(timer);
const {event: fired} = await nextOf(timer);
console.log(`timer ${nameOf(fired)}: ${new TextDecoder().decode(fired.payload)}`);

// Again and again: the next tick comes once this one is reported.
const loop = messagesOf(timers.startLoop(pb.StartLoopRequest.create(
    {interval: milliseconds(500), startNow: true})));
const {acknowledged: {id}} = await nextOf(loop);
for (let i = 0; i < 2; i++) {
  const {event: tick} = await nextOf(loop);
  console.log(`tick ${tick.run}, missed ${tick.missed}`);
  const outcome = pb.Outcome.create({result: pb.Outcome_Result.SUCCESS});
  await timers.report(pb.ReportRequest.create({id, run: tick.run, outcome}));
}
await timers.stopLoop({id});
console.log(`loop ${nameOf((await nextOf(loop)).event)}`);

// Not longer than: nobody reports in time.
const task = messagesOf(timers.withTimeout(pb.WithTimeoutRequest.create(
    {timeout: milliseconds(1000)})));
await nextOf(task);
console.log(`task ${nameOf((await nextOf(task)).event)}`);

transport.close();

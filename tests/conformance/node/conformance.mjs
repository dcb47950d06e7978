// Runs a folder of cases (tests/conformance/README.md) against a server.
//
// usage: node conformance.mjs HOST:PORT FOLDER
import {randomUUID} from "node:crypto";
import {readFileSync, readdirSync} from "node:fs";
import {join} from "node:path";

import {ChannelCredentials} from "@grpc/grpc-js";
import {GrpcTransport} from "@protobuf-ts/grpc-transport";
import {Duration} from "./google/protobuf/duration.js";
import {Timestamp} from "./google/protobuf/timestamp.js";
import {ErrorInfo, RetryInfo, StatusDetails} from "./timerd/v1/errors.js";
import {QueuesClient} from "./timerd/v1/queues.client.js";
import {ClockClient, TimersClient} from "./timerd/v1/timers.client.js";

const CLIENTS = [TimersClient, ClockClient, QueuesClient];
const RPC_DEADLINE_MS = 30_000;
const KEYS = {
  call: ["call", "request", "stream", "expect", "expect_error", "save"],
  read: ["read", "expect", "save"],
  gather: ["gather", "expect", "save"],
  send: ["send", "message"],
  finish: ["finish"],
  closed: ["closed", "status", "reason"],
  detach: ["detach"],
};
const OR_LATER = " or later";
// timerd.v1.ErrorInfo and RetryInfo, by the names that they have in status details.
const DETAILS = [
  Object.create(ErrorInfo, {typeName: {value: "google.rpc.ErrorInfo"}}),
  Object.create(RetryInfo, {typeName: {value: "google.rpc.RetryInfo"}}),
];

// What is not as the case says.
class Failure extends Error {}

const show = (value) => JSON.stringify(value ?? null);
const textOf = (scalar) => typeof scalar === "string" ? scalar : show(scalar);
const toJson = (type, message) => type.toJson(
    message, {useProtoFieldName: true, emitDefaultValues: true, typeRegistry: DETAILS});

const nanosecondsOf = ({seconds, nanos}) => seconds * 1_000_000_000n + BigInt(nanos);
const parseTime = (text) => nanosecondsOf(Timestamp.fromJson(text));

function add(time, sign, duration) {
  const delta = nanosecondsOf(Duration.fromJson(duration));
  const total = parseTime(time) + (sign === "-" ? -delta : delta);
  const nanos = Number(total % 1_000_000_000n);
  return Timestamp.toJson({seconds: total / 1_000_000_000n, nanos});
}

// How an RPC was refused: code, message, and what is in its details.
function describe(error) {
  const refusal = {code: error.code, message: error.message};
  const encoded = error.meta["grpc-status-details-bin"];
  if (encoded !== undefined) {
    const details = StatusDetails.fromBinary(Buffer.from(encoded, "base64"));
    Object.assign(refusal, ...toJson(StatusDetails, details).details);
  }
  return refusal;
}

function pick(message, path) {
  const value = path.split(".").reduce((parent, key) => parent?.[key], message);
  if (value === undefined || value === null) {
    throw new Failure(`there is no ${path} to save in ${show(message)}`);
  }
  return value;
}

// Fails unless `actual` holds at least `expected`.
function match(expected, actual, path) {
  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (isObject(expected) && isObject(actual)) {
    for (const [key, value] of Object.entries(expected)) {
      match(value, actual[key], `${path}.${key}`);
    }
    return;
  }
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length) {
    expected.forEach((value, index) => match(value, actual[index], `${path}.${index}`));
    return;
  }
  let same = textOf(expected) === textOf(actual);
  if (typeof expected === "string" && typeof actual === "string" && expected.endsWith(OR_LATER)) {
    same = parseTime(actual) >= parseTime(expected.slice(0, -OR_LATER.length));
  }
  if (!same) {
    throw new Failure(`${path} is ${show(actual)}, not ${show(expected)}`);
  }
}

function hasLists(message, expected) {
  return Object.entries(expected).every(
      ([key, value]) => !Array.isArray(value) || message[key]?.length >= value.length);
}

async function* answerOf(unary) {
  yield (await unary).response;
}

// The messages of one RPC, as JSON. Those of a unary RPC are a stream of one.
class Stream {
  #aborter = new AbortController();
  #namespace;
  #call;
  #answers;

  constructor(transport, rpc, namespace, request) {
    const clients = CLIENTS.map((each) => new each(transport));
    const client = clients.find(({methods}) => methods.some(({name}) => name === rpc));
    if (client === undefined) {
      throw new Failure(`no service has an RPC ${rpc}`);
    }
    this.#namespace = namespace;
    this.method = client.methods.find(({name}) => name === rpc);
    const options = {timeout: RPC_DEADLINE_MS, abort: this.#aborter.signal};
    const inputs = this.method.clientStreaming ? [options] : [this.#parse(request), options];
    this.#call = client[this.method.localName](...inputs);
    this.#answers = this.method.serverStreaming ?
        this.#call.responses[Symbol.asyncIterator]() : answerOf(this.#call);
  }

  #parse(request) {
    if (this.method.I.fields.some(({name}) => name === "namespace")) {
      request = {namespace: this.#namespace, ...request};
    }
    try {
      return this.method.I.fromJson(request);
    } catch (error) {
      throw new Failure(error.message);
    }
  }

  async send(request) {
    await this.#call.requests.send(this.#parse(request));
  }

  async finish() {
    await this.#call.requests.complete();
  }

  // The next message as {message}; at the end how it ended, as {ending}. Messages are joined until
  // each list has as many elements as expected.
  async read(expected = {}) {
    const encoded = [];
    try {
      while (true) {
        const {value, done} = await this.#answers.next();
        if (done) {
          return {ending: {code: "OK"}};
        }
        encoded.push(this.method.O.toBinary(value));  // one behind the other they are one message
        const joined = this.method.O.fromBinary(Buffer.concat(encoded));
        const message = toJson(this.method.O, joined);
        if (hasLists(message, expected)) {
          return {message};
        }
      }
    } catch (error) {
      return {ending: describe(error)};
    }
  }

  async expectEnd({status: code = "OK", reason}) {
    const {message, ending} = await this.read();
    if (message !== undefined) {
      throw new Failure(`it goes on with ${show(message)}`);
    }
    match(reason === undefined ? {code} : {code, reason}, ending, "the end");
  }

  cancel() {
    this.#aborter.abort();
  }
}

class Case {
  #transport;
  #variables = {namespace: `node-${randomUUID()}`};
  #streams = new Map();

  constructor(transport) {
    this.#transport = transport;
  }

  async run(steps) {
    try {
      for (const [index, step] of steps.entries()) {
        await this.#run(step).catch((failure) => {
          if (failure instanceof Failure) {
            failure.message = `step ${index + 1}, ${show(step)}: ${failure.message}`;
          }
          throw failure;
        });
      }
    } finally {
      this.#streams.forEach((stream) => stream.cancel());
    }
  }

  async #run(step) {
    const kind = Object.keys(KEYS).find((key) => key in step);
    if (kind === undefined || Object.keys(step).some((key) => !KEYS[kind].includes(key))) {
      throw new Failure("it has a key that no such step has");
    }
    if (kind === "call") {
      await this.#call(step);
      return;
    }
    const stream = this.#streams.get(step[kind]);
    if (stream === undefined) {
      throw new Failure(`no stream is called ${step[kind]}`);
    }
    if (kind === "read" || kind === "gather") {
      const {message, ending} = await stream.read(kind === "gather" ? step.expect : {});
      if (message === undefined) {
        throw new Failure(`the stream has ended with ${show(ending)}`);
      }
      this.#check(step, message);
    } else if (kind === "send") {
      await stream.send(this.#resolve(step.message ?? {}));
    } else if (kind === "finish") {
      await stream.finish();
    } else if (kind === "closed") {
      await stream.expectEnd(step);
    } else {
      stream.cancel();
      this.#streams.delete(step.detach);
    }
  }

  async #call(step) {
    const request = this.#resolve(step.request ?? {});
    const stream = new Stream(this.#transport, step.call, this.#variables.namespace, request);
    if (step.stream !== undefined) {
      this.#streams.set(step.stream, stream);
    }
    if (stream.method.clientStreaming) {
      return;
    }
    const {message, ending} = await stream.read();
    if (step.expect_error !== undefined) {
      if (message !== undefined) {
        throw new Failure(`not refused, but answered with ${show(message)}`);
      }
      match(this.#resolve(step.expect_error), ending, "the refusal");
      return;
    }
    if (message === undefined) {
      throw new Failure(`no answer, but ${show(ending)}`);
    }
    this.#check(step, message);
    if (step.stream === undefined) {
      await stream.expectEnd({});
    }
  }

  #check(step, message) {
    for (const [name, path] of Object.entries(step.save ?? {})) {
      this.#variables[name] = textOf(pick(message, path));
    }
    match(this.#resolve(step.expect ?? {}), message, "the answer");
  }

  // `value` with its variables, bytes and sums of times worked out.
  #resolve(value) {
    if (Array.isArray(value)) {
      return value.map((each) => this.#resolve(each));
    }
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(
          Object.entries(value).map(([key, each]) => [key, this.#resolve(each)]));
    }
    if (typeof value !== "string") {
      return value;
    }
    const text = value.replace(/\$\{(\w+)\}/g, (_, name) => {
      if (!(name in this.#variables)) {
        throw new Failure(`nothing was saved as ${name}`);
      }
      return this.#variables[name];
    });
    if (text.startsWith("text:")) {
      return Buffer.from(text.slice("text:".length)).toString("base64");
    }
    return text.replace(/^(\S+Z) ([+-]) ([\d.]+s)/, (_, ...sum) => add(...sum));
  }
}

const [address, folder] = process.argv.slice(2);
const transport = new GrpcTransport(
    {host: address, channelCredentials: ChannelCredentials.createInsecure()});
let passed = 0;
let failed = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
  const subject = file.replace(".json", "").replaceAll("_", " ");
  for (const {name, steps} of JSON.parse(readFileSync(join(folder, file), "utf8"))) {
    try {
      await new Case(transport).run(steps);
      passed++;
      console.log(`ok      ${subject} ${name}`);
    } catch (failure) {
      if (!(failure instanceof Failure)) {
        throw failure;
      }
      failed++;
      console.log(`FAILED  ${subject} ${name}\n        ${failure.message}`);
    }
  }
}
transport.close();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;

"""Runs a folder of cases (tests/conformance/README.md) against a server.

usage: conformance.py HOST:PORT FOLDER
"""
import base64
import json
import pathlib
import queue
import re
import sys
import uuid

import grpc
from google.protobuf import (
    descriptor_pb2, descriptor_pool, duration_pb2, json_format, timestamp_pb2)
from timerd.v1 import errors_pb2, queues_pb2, queues_pb2_grpc, timers_pb2, timers_pb2_grpc

# Each service, and the class of its stub.
SERVICES = [
    (timers_pb2.DESCRIPTOR.services_by_name["Timers"], timers_pb2_grpc.TimersStub),
    (timers_pb2.DESCRIPTOR.services_by_name["Clock"], timers_pb2_grpc.ClockStub),
    (queues_pb2.DESCRIPTOR.services_by_name["Queues"], queues_pb2_grpc.QueuesStub),
]
RPC_DEADLINE_S = 30
KEYS = {
    "call": {"call", "request", "stream", "expect", "expect_error", "save"},
    "read": {"read", "expect", "save"},
    "gather": {"gather", "expect", "save"},
    "send": {"send", "message"},
    "finish": {"finish"},
    "closed": {"closed", "status", "reason"},
    "detach": {"detach"},
}
OR_LATER = " or later"


class Failure(Exception):
    """What is not as the case says."""


def register_details():
    """Names timerd.v1.ErrorInfo and RetryInfo as they are called in status details."""
    file = descriptor_pb2.FileDescriptorProto(
        name="google/rpc/error_info.proto", package="google.rpc", syntax="proto3",
        dependency=["google/protobuf/duration.proto"])
    for detail in (errors_pb2.ErrorInfo, errors_pb2.RetryInfo):
        message = file.message_type.add()
        detail.DESCRIPTOR.CopyToProto(message)
        for field in filter(lambda field: field.type_name, message.field):
            field.type_name = field.type_name.replace("timerd.v1", "google.rpc")
    descriptor_pool.Default().Add(file)


def parse_time(text):
    time = timestamp_pb2.Timestamp()
    time.FromJsonString(text)
    return time.ToNanoseconds()


def add(time, sign, duration):
    delta = duration_pb2.Duration()
    delta.FromJsonString(duration)
    total = timestamp_pb2.Timestamp()
    total.FromNanoseconds(parse_time(time) + int(sign + "1") * delta.ToNanoseconds())
    return total.ToJsonString()


def to_json(message):
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def describe(error):
    """How an RPC was refused: code, message, and what is in its details."""
    refusal = {"code": error.code().name, "message": error.details()}
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in to_json(errors_pb2.StatusDetails.FromString(value))["details"]:
                refusal.update(detail)
    return refusal


def pick(message, path):
    value = message
    for key in path.split("."):
        try:
            value = value[int(key) if isinstance(value, list) else key]
        except (KeyError, IndexError, ValueError, TypeError):
            raise Failure(f"there is no {path} to save in {json.dumps(message)}") from None
    return value


def text_of(scalar):
    return scalar if isinstance(scalar, str) else json.dumps(scalar)


def match(expected, actual, path):
    """Fails unless `actual` holds at least `expected`."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key, value in expected.items():
            match(value, actual.get(key), f"{path}.{key}")
        return
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, value in enumerate(expected):
            match(value, actual[index], f"{path}.{index}")
        return
    same = text_of(expected) == text_of(actual)
    if isinstance(actual, str) and isinstance(expected, str) and expected.endswith(OR_LATER):
        same = parse_time(actual) >= parse_time(expected[: -len(OR_LATER)])
    if not same:
        raise Failure(f"{path} is {json.dumps(actual)}, not {json.dumps(expected)}")


def lists_of(step):
    return {key: value for key, value in step["expect"].items() if isinstance(value, list)}


class Stream:
    """The messages of one RPC, as JSON. Those of a unary RPC are a stream of one."""

    def __init__(self, channel, rpc, namespace, request):
        found = [each for each in SERVICES if rpc in each[0].methods_by_name]
        if not found:
            raise Failure(f"no service has an RPC {rpc}")
        service, stub = found[0]
        self.method = service.methods_by_name[rpc]
        self._namespace = namespace
        self._requests = queue.SimpleQueue()
        call = getattr(stub(channel), rpc)
        if self.method.client_streaming:
            self._answers = call(iter(self._requests.get, None), timeout=RPC_DEADLINE_S)
        elif self.method.server_streaming:
            self._answers = call(self._parse(request), timeout=RPC_DEADLINE_S)
        else:
            request = self._parse(request)
            self._answers = (call(request, timeout=RPC_DEADLINE_S) for _ in range(1))

    def _parse(self, request):
        if "namespace" in self.method.input_type.fields_by_name:
            request = {"namespace": self._namespace, **request}
        try:
            return json_format.ParseDict(request, self.method.input_type._concrete_class())
        except json_format.ParseError as error:
            raise Failure(error) from None

    def send(self, request):
        self._requests.put(self._parse(request))

    def finish(self):
        self._requests.put(None)

    def read(self, lists=None):
        """The next message, and None; at the end None, and how it ended.

        Messages are joined until each of the lists has as many elements as in `lists`.
        """
        joined = self.method.output_type._concrete_class()
        try:
            while True:
                joined.MergeFrom(next(self._answers))
                message = to_json(joined)
                if all(len(message[key]) >= len(each) for key, each in (lists or {}).items()):
                    return message, None
        except StopIteration:
            return None, {"code": "OK"}
        except grpc.RpcError as error:
            return None, describe(error)

    def expect_end(self, code, reason=None):
        message, ending = self.read()
        if message is not None:
            raise Failure(f"it goes on with {json.dumps(message)}")
        expected = {"code": code} if reason is None else {"code": code, "reason": reason}
        match(expected, ending, "the end")

    def cancel(self):
        self.finish()
        if self.method.server_streaming:
            self._answers.cancel()


class Case:
    def __init__(self, channel):
        self._channel = channel
        self._variables = {"namespace": f"python-{uuid.uuid4().hex}"}
        self._streams = {}

    def run(self, steps):
        try:
            for number, step in enumerate(steps, 1):
                try:
                    self._run(step)
                except Failure as failure:
                    raise Failure(f"step {number}, {json.dumps(step)}: {failure}") from None
        finally:
            for stream in self._streams.values():
                stream.cancel()

    def _run(self, step):
        kind = next((kind for kind in KEYS if kind in step), None)
        if kind is None or set(step) - KEYS[kind]:
            raise Failure("it has a key that no such step has")
        if kind == "call":
            self._call(step)
            return
        name = step[kind]
        if name not in self._streams:
            raise Failure(f"no stream is called {name}")
        stream = self._streams[name]
        if kind in ("read", "gather"):
            message, ending = stream.read(lists_of(step) if kind == "gather" else None)
            if message is None:
                raise Failure(f"the stream has ended with {json.dumps(ending)}")
            self._check(step, message)
        elif kind == "send":
            stream.send(self._resolve(step.get("message", {})))
        elif kind == "finish":
            stream.finish()
        elif kind == "closed":
            stream.expect_end(step.get("status", "OK"), step.get("reason"))
        else:
            stream.cancel()
            del self._streams[name]

    def _call(self, step):
        request = self._resolve(step.get("request", {}))
        stream = Stream(self._channel, step["call"], self._variables["namespace"], request)
        if "stream" in step:
            self._streams[step["stream"]] = stream
        if stream.method.client_streaming:
            return
        message, ending = stream.read()
        if "expect_error" in step:
            if message is not None:
                raise Failure(f"not refused, but answered with {json.dumps(message)}")
            match(self._resolve(step["expect_error"]), ending, "the refusal")
            return
        if message is None:
            raise Failure(f"no answer, but {json.dumps(ending)}")
        self._check(step, message)
        if "stream" not in step:
            stream.expect_end("OK")

    def _check(self, step, message):
        for name, path in step.get("save", {}).items():
            self._variables[name] = text_of(pick(message, path))
        match(self._resolve(step.get("expect", {})), message, "the answer")

    def _resolve(self, value):
        """`value` with its variables, bytes and sums of times worked out."""
        if isinstance(value, dict):
            return {key: self._resolve(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._resolve(each) for each in value]
        if not isinstance(value, str):
            return value
        value = re.sub(r"\$\{(\w+)\}", lambda found: self._variable(found[1]), value)
        if value.startswith("text:"):
            return base64.b64encode(value[len("text:"):].encode()).decode()
        return re.sub(r"^(\S+Z) ([+-]) ([\d.]+s)", lambda found: add(*found.groups()), value)

    def _variable(self, name):
        if name not in self._variables:
            raise Failure(f"nothing was saved as {name}")
        return self._variables[name]


def main(address, folder):
    register_details()
    passed = failed = 0
    with grpc.insecure_channel(address) as channel:
        for file in sorted(pathlib.Path(folder).glob("*.json")):
            for case in json.loads(file.read_text(encoding="utf-8")):
                name = f"{file.stem.replace('_', ' ')} {case['name']}"
                try:
                    Case(channel).run(case["steps"])
                    passed += 1
                    print(f"ok      {name}", flush=True)
                except Failure as failure:
                    failed += 1
                    print(f"FAILED  {name}\n        {failure}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""timerd in one screen, with the code that grpcio-tools generates. README.md says how to run it."""
import datetime
import sys

import grpc
from google.protobuf.duration_pb2 import Duration
from timerd.v1 import timers_pb2 as pb
from timerd.v1.timers_pb2_grpc import TimersStub


def seconds(number):
    duration = Duration()
    duration.FromTimedelta(datetime.timedelta(seconds=number))
    return duration


def name_of(event):
    return pb.Event.Type.Name(event.type)


with grpc.insecure_channel(sys.argv[1]) as channel:
    timers = TimersStub(channel)

    # Later: the first message says that the timer is kept, the next one comes when it fires.
    timer = timers.Schedule(pb.ScheduleRequest(delay=seconds(1), payload=b"hello, world"))
    next(timer)
    fired = next(timer).event
    print(f"timer {name_of(fired)}: {fired.payload.decode()}")

    # Again and again: the next tick comes once this one is reported.
    loop = timers.StartLoop(pb.StartLoopRequest(interval=seconds(0.5), start_now=True))
    loop_id = next(loop).acknowledged.id
    for _ in range(2):
        tick = next(loop).event
        print(f"tick {tick.run}, missed {tick.missed}")
        success = pb.Outcome(result=pb.Outcome.RESULT_SUCCESS)
        timers.Report(pb.ReportRequest(id=loop_id, run=tick.run, outcome=success))
    timers.StopLoop(pb.StopLoopRequest(id=loop_id))
    print(f"loop {name_of(next(loop).event)}")

    # Not longer than: nobody reports in time.
    task = timers.WithTimeout(pb.WithTimeoutRequest(timeout=seconds(1)))
    next(task)
    print(f"task {name_of(next(task).event)}")

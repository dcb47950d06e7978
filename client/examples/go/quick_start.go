// timerd in one screen, with the code that protoc generates. README.md says how to run it.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
	pb "timerd.dev/quickstart/timerd/v1"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	connection := must(grpc.NewClient(os.Args[1],
		grpc.WithTransportCredentials(insecure.NewCredentials())))
	timers := pb.NewTimersClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	// Later: the first message says that the timer is kept, the next one comes when it fires.
	timer := must(timers.Schedule(ctx, &pb.ScheduleRequest{
		Delay: durationpb.New(time.Second), Payload: []byte("hello, world")}))
	must(timer.Recv())
	fired := must(timer.Recv()).GetEvent()
	fmt.Printf("timer %v: %s\n", fired.Type, fired.Payload)

	// Again and again: the next tick comes once this one is reported.
	loop := must(timers.StartLoop(ctx, &pb.StartLoopRequest{
		Interval: durationpb.New(time.Second / 2), StartNow: true}))
	id := must(loop.Recv()).GetAcknowledged().Id
	for run := uint64(1); run <= 2; run++ {
		tick := must(loop.Recv()).GetEvent()
		fmt.Printf("tick %d, missed %d\n", tick.Run, tick.Missed)
		must(timers.Report(ctx, &pb.ReportRequest{
			Id: id, Run: tick.Run, Outcome: &pb.Outcome{Result: pb.Outcome_RESULT_SUCCESS}}))
	}
	must(timers.StopLoop(ctx, &pb.StopLoopRequest{Id: id}))
	fmt.Printf("loop %v\n", must(loop.Recv()).GetEvent().Type)

	// Not longer than: nobody reports in time.
	task := must(timers.WithTimeout(ctx, &pb.WithTimeoutRequest{
		Timeout: durationpb.New(time.Second)}))
	must(task.Recv())
	fmt.Printf("task %v\n", must(task.Recv()).GetEvent().Type)
}

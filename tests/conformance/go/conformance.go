// Runs a folder of cases (tests/conformance/README.md) against a server.
//
// usage: conformance HOST:PORT FOLDER
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"
	pb "timerd.dev/quickstart/timerd/v1"
)

const (
	rpcDeadline = 30 * time.Second
	orLater     = " or later"
)

var (
	keys = map[string]string{
		"call":   " call request stream expect expect_error save ",
		"read":   " read expect save ",
		"gather": " gather expect save ",
		"send":   " send message ",
		"finish": " finish ",
		"closed": " closed status reason ",
		"detach": " detach ",
	}
	codes = strings.Fields("OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND " +
		"ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED " +
		"OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED")
	variable = regexp.MustCompile(`\$\{(\w+)\}`)
	sum      = regexp.MustCompile(`^(\S+Z) ([+-]) ([\d.]+s)`)
	printer  = protojson.MarshalOptions{
		UseProtoNames: true, EmitUnpopulated: true, Resolver: resolver{protoregistry.GlobalTypes}}
)

type object = map[string]any

// failure is what is not as the case says. The interpreter panics with it, to end the case.
type failure string

func fail(format string, arguments ...any) { panic(failure(fmt.Sprintf(format, arguments...))) }

func must[T any](value T, err error) T {
	if err != nil {
		fail("%v", err)
	}
	return value
}

// resolver knows timerd.v1.ErrorInfo and RetryInfo by the names that they have in status details.
type resolver struct{ *protoregistry.Types }

func (r resolver) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	switch {
	case strings.HasSuffix(url, "/google.rpc.ErrorInfo"):
		return (&pb.ErrorInfo{}).ProtoReflect().Type(), nil
	case strings.HasSuffix(url, "/google.rpc.RetryInfo"):
		return (&pb.RetryInfo{}).ProtoReflect().Type(), nil
	}
	return r.Types.FindMessageByURL(url)
}

func parseJSON(text []byte) (value any) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		fail("%v", err)
	}
	return value
}

func show(value any) string { return string(must(json.Marshal(value))) }

func toJSON(message proto.Message) any { return parseJSON(must(printer.Marshal(message))) }

func textOf(scalar any) string {
	if text, ok := scalar.(string); ok {
		return text
	}
	return show(scalar)
}

func parseTime(text string) time.Time { return must(time.Parse(time.RFC3339Nano, text)) }

func add(addition string) string {
	parts := sum.FindStringSubmatch(addition)
	delta := must(time.ParseDuration(parts[2] + parts[3]))
	return toJSON(timestamppb.New(parseTime(parts[1]).Add(delta))).(string)
}

// describe says how an RPC ended: code, message, and what is in its details.
func describe(err error) object {
	if err == io.EOF {
		return object{"code": "OK"}
	}
	refusal := status.Convert(err)
	description := object{"code": codes[refusal.Code()], "message": refusal.Message()}
	for _, detail := range refusal.Proto().GetDetails() {
		for key, value := range toJSON(detail).(object) {
			description[key] = value
		}
	}
	return description
}

func pick(message any, path string) any {
	value := message
	for _, key := range strings.Split(path, ".") {
		switch parent := value.(type) {
		case object:
			value = parent[key]
		case []any:
			index, err := strconv.Atoi(key)
			if value = nil; err == nil && index < len(parent) {
				value = parent[index]
			}
		}
		if value == nil {
			fail("there is no %s to save in %s", path, show(message))
		}
	}
	return value
}

// match fails unless actual holds at least expected.
func match(expected, actual any, path string) {
	same := textOf(expected) == textOf(actual)
	switch expected := expected.(type) {
	case object:
		if actual, ok := actual.(object); ok {
			for key, value := range expected {
				match(value, actual[key], path+"."+key)
			}
			return
		}
	case []any:
		if actual, ok := actual.([]any); ok && len(actual) == len(expected) {
			for index, value := range expected {
				match(value, actual[index], fmt.Sprintf("%s.%d", path, index))
			}
			return
		}
	case string:
		actual, ok := actual.(string)
		if ok && strings.HasSuffix(expected, orLater) {
			same = !parseTime(actual).Before(parseTime(strings.TrimSuffix(expected, orLater)))
		}
	}
	if !same {
		fail("%s is %s, not %s", path, show(actual), show(expected))
	}
}

// stream holds the messages of one RPC, as JSON. Those of a unary RPC are a stream of one.
type stream struct {
	grpc.ClientStream
	method    protoreflect.MethodDescriptor
	namespace string
	cancel    context.CancelFunc
}

func find(rpc string) protoreflect.MethodDescriptor {
	for _, file := range []protoreflect.FileDescriptor{
		pb.File_timerd_v1_timers_proto, pb.File_timerd_v1_queues_proto} {
		services := file.Services()
		for i := 0; i < services.Len(); i++ {
			if method := services.Get(i).Methods().ByName(protoreflect.Name(rpc)); method != nil {
				return method
			}
		}
	}
	fail("no service has an RPC %s", rpc)
	return nil
}

func open(connection *grpc.ClientConn, rpc, namespace string) stream {
	method := find(rpc)
	ctx, cancel := context.WithTimeout(context.Background(), rpcDeadline)
	opened, err := connection.NewStream(ctx,
		&grpc.StreamDesc{ServerStreams: true, ClientStreams: true},
		fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name()))
	return stream{must(opened, err), method, namespace, cancel}
}

func (s stream) make(descriptor protoreflect.MessageDescriptor) proto.Message {
	kind := must(protoregistry.GlobalTypes.FindMessageByName(descriptor.FullName()))
	return kind.New().Interface()
}

func (s stream) send(content object) {
	if s.method.Input().Fields().ByName("namespace") != nil && content["namespace"] == nil {
		content["namespace"] = s.namespace
	}
	request := s.make(s.method.Input())
	if err := protojson.Unmarshal([]byte(show(content)), request); err != nil {
		fail("%v", err)
	}
	if err := s.SendMsg(request); err != nil && err != io.EOF { // EOF: read tells the reason
		fail("%v", err)
	}
}

// read gives the next message and nil; at the end nil and how it ended.
func (s stream) read() (any, object) { return s.gather(nil) }

// gather reads messages and joins them until each list has as many elements as expected.
func (s stream) gather(expected object) (any, object) {
	joined := s.make(s.method.Output())
	for {
		answer := s.make(s.method.Output())
		if err := s.RecvMsg(answer); err != nil {
			return nil, describe(err)
		}
		proto.Merge(joined, answer)
		if message := toJSON(joined).(object); hasLists(message, expected) {
			return message, nil
		}
	}
}

func hasLists(message, expected object) bool {
	for key, value := range expected {
		list, ok := value.([]any)
		if actual, _ := message[key].([]any); ok && len(actual) < len(list) {
			return false
		}
	}
	return true
}

func (s stream) expectEnd(step object) {
	message, ending := s.read()
	if message != nil {
		fail("it goes on with %s", show(message))
	}
	expected := object{"code": "OK"}
	if code := step["status"]; code != nil {
		expected["code"] = code
	}
	if reason := step["reason"]; reason != nil {
		expected["reason"] = reason
	}
	match(expected, ending, "the end")
}

type testCase struct {
	connection *grpc.ClientConn
	variables  map[string]string
	streams    map[string]stream
}

func (c *testCase) run(steps []any) (err error) {
	number := 0
	defer func() {
		for _, each := range c.streams {
			each.cancel()
		}
		switch why := recover().(type) {
		case nil:
		case failure:
			err = fmt.Errorf("step %d, %s: %s", number+1, show(steps[number]), why)
		default:
			panic(why)
		}
	}()
	for number = range steps {
		c.step(steps[number].(object))
	}
	return nil
}

func (c *testCase) step(step object) {
	kind := ""
	for each := range keys {
		if step[each] != nil {
			kind = each
		}
	}
	for key := range step {
		if !strings.Contains(keys[kind], " "+key+" ") {
			fail("no such step has the key %s", key)
		}
	}
	name := step[kind].(string)
	if kind == "call" {
		c.call(name, step)
		return
	}
	s, ok := c.streams[name]
	if !ok {
		fail("no stream is called %s", name)
	}
	switch kind {
	case "read", "gather":
		expected := object{}
		if kind == "gather" {
			expected = step["expect"].(object)
		}
		message, ending := s.gather(expected)
		if message == nil {
			fail("the stream has ended with %s", show(ending))
		}
		c.check(step, message)
	case "send":
		s.send(c.content(step["message"]))
	case "finish":
		s.CloseSend()
	case "closed":
		s.expectEnd(step)
	case "detach":
		s.cancel()
		delete(c.streams, name)
	}
}

func (c *testCase) content(message any) object {
	if message == nil {
		return object{}
	}
	return c.resolve(message).(object)
}

func (c *testCase) call(rpc string, step object) {
	s := open(c.connection, rpc, c.variables["namespace"])
	name, kept := step["stream"].(string)
	if kept {
		c.streams[name] = s
	} else {
		defer s.cancel()
	}
	if s.method.IsStreamingClient() {
		return
	}
	s.send(c.content(step["request"]))
	s.CloseSend()
	message, ending := s.read()
	if expected, refused := step["expect_error"]; refused {
		if message != nil {
			fail("not refused, but answered with %s", show(message))
		}
		match(c.resolve(expected), ending, "the refusal")
		return
	}
	if message == nil {
		fail("no answer, but %s", show(ending))
	}
	c.check(step, message)
	if !kept {
		s.expectEnd(object{})
	}
}

func (c *testCase) check(step object, message any) {
	if paths, ok := step["save"].(object); ok {
		for name, path := range paths {
			c.variables[name] = textOf(pick(message, path.(string)))
		}
	}
	if expected, ok := step["expect"]; ok {
		match(c.resolve(expected), message, "the answer")
	}
}

// resolve gives value with its variables, bytes and sums of times worked out.
func (c *testCase) resolve(value any) any {
	switch value := value.(type) {
	case object:
		resolved := object{}
		for key, each := range value {
			resolved[key] = c.resolve(each)
		}
		return resolved
	case []any:
		resolved := make([]any, len(value))
		for index, each := range value {
			resolved[index] = c.resolve(each)
		}
		return resolved
	case string:
		text := variable.ReplaceAllStringFunc(value, func(reference string) string {
			saved, ok := c.variables[variable.FindStringSubmatch(reference)[1]]
			if !ok {
				fail("nothing was saved as %s", reference)
			}
			return saved
		})
		if strings.HasPrefix(text, "text:") {
			return base64.StdEncoding.EncodeToString([]byte(strings.TrimPrefix(text, "text:")))
		}
		return sum.ReplaceAllStringFunc(text, add)
	}
	return value
}

func main() {
	address, folder := os.Args[1], os.Args[2]
	credentials := grpc.WithTransportCredentials(insecure.NewCredentials())
	connection := must(grpc.NewClient(address, credentials))
	passed, failed := 0, 0
	for _, file := range must(filepath.Glob(filepath.Join(folder, "*.json"))) {
		subject := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(file), ".json"), "_", " ")
		for _, each := range parseJSON(must(os.ReadFile(file))).([]any) {
			name := subject + " " + each.(object)["name"].(string)
			namespace := fmt.Sprintf("go-%d-%d", os.Getpid(), time.Now().UnixNano())
			c := testCase{connection, map[string]string{"namespace": namespace}, map[string]stream{}}
			if err := c.run(each.(object)["steps"].([]any)); err != nil {
				failed++
				fmt.Printf("FAILED  %s\n        %v\n", name, err)
			} else {
				passed++
				fmt.Printf("ok      %s\n", name)
			}
		}
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if passed == 0 || failed > 0 {
		os.Exit(1)
	}
}

package inference

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

var (
	opening = regexp.MustCompile(`^(message|service|oneof) (\w+)\s*\{?(\})?$`)
	field   = regexp.MustCompile(`^(repeated )?(map<\w+, \w+>|\w+) (\w+) = (\d+);$`)
	method  = regexp.MustCompile(`^rpc (\w+)\((\w+)\) returns \((\w+)\) \{\}$`)
)

// declared lists what a .proto file declares, a line each, sorted. It reads as much of
// the language as open_inference_grpc.proto has, and fails for more.
func declared(t *testing.T, text string) (list []string) {
	t.Helper()
	var scopes []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "//")
		line = strings.TrimSpace(line)
		scope := strings.Join(slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == "" }), ".")
		switch m := opening.FindStringSubmatch(line); {
		case line == "" || line == "{" || strings.HasPrefix(line, "syntax = ") || line == "package inference;":
		case line == "}":
			scopes = scopes[:len(scopes)-1]
		case m != nil && m[3] == "" && m[1] == "oneof":
			scopes = append(scopes, "") // its fields are the message's
		case m != nil && m[3] == "":
			scopes = append(scopes, m[2])
		case m != nil:
		case method.MatchString(line):
			list = append(list, method.ReplaceAllString(line, scope+".$1 $2 $3"))
		case field.MatchString(line):
			list = append(list, field.ReplaceAllString(line, scope+".$3 $1$2 $4"))
		default:
			t.Fatalf("%q is more of the language than this test reads", line)
		}
	}
	slices.Sort(list)
	return list
}

// generated lists what the generated code declares, alike.
func generated() (list []string) {
	file := File_open_inference_grpc_proto
	var walk func(messages protoreflect.MessageDescriptors, scope string)
	walk = func(messages protoreflect.MessageDescriptors, scope string) {
		for i := range messages.Len() {
			m := messages.Get(i)
			if m.IsMapEntry() {
				continue
			}
			name := scope + string(m.Name())
			for k := range m.Fields().Len() {
				f := m.Fields().Get(k)
				list = append(list, fmt.Sprintf("%s.%s %s %d", name, f.Name(), kindOf(f), f.Number()))
			}
			walk(m.Messages(), name+".")
		}
	}
	walk(file.Messages(), "")
	service := file.Services().Get(0)
	for i := range service.Methods().Len() {
		m := service.Methods().Get(i)
		list = append(list, fmt.Sprintf("%s.%s %s %s", service.Name(), m.Name(), m.Input().Name(), m.Output().Name()))
	}
	slices.Sort(list)
	return list
}

// kindOf is a field's type as it is written.
func kindOf(f protoreflect.FieldDescriptor) string {
	name := func(f protoreflect.FieldDescriptor) string {
		if f.Kind() == protoreflect.MessageKind {
			return string(f.Message().Name())
		}
		return f.Kind().String()
	}
	switch {
	case f.IsMap():
		return fmt.Sprintf("map<%s, %s>", name(f.MapKey()), name(f.MapValue()))
	case f.IsList():
		return "repeated " + name(f)
	}
	return name(f)
}

// TestGenerated: the generated code is that of the file beside it.
func TestGenerated(t *testing.T) {
	text, err := os.ReadFile("open_inference_grpc.proto")
	if err != nil {
		t.Fatal(err)
	}
	want, got := declared(t, string(text)), generated()
	if !slices.Equal(got, want) || len(got) < 50 {
		t.Errorf("generated:\n%s\nwant, of the file:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestOfficial: the file is the protocol's own. It skips where that is not to be found.
func TestOfficial(t *testing.T) {
	for _, name := range []string{"../../../../../shared/spec/open_inference_grpc.proto", "../../../../../../shared/spec/open_inference_grpc.proto"} {
		official, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if text, err := os.ReadFile("open_inference_grpc.proto"); err != nil || string(text) != string(official) {
			t.Errorf("open_inference_grpc.proto is not as the protocol's own (%v)", err)
		}
		return
	}
	t.Skip("needs open_inference_grpc.proto of the Open Inference Protocol in ../shared/spec, beside the clone")
}

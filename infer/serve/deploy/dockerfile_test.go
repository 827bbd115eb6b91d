package deploy

import (
	"os"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// image is what the tests need of the Dockerfile.
type image struct {
	build      string // the shell's command that makes /serve
	entrypoint []string
	cmd        []string
	health     []string
}

// dockerfile reads the Dockerfile with BuildKit's own parser.
func dockerfile(t *testing.T) (m image) {
	t.Helper()
	f, err := os.Open("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parsed, err := parser.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range parsed.Warnings {
		t.Errorf("warning: %s", w.Short)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 || !strings.HasPrefix(stages[0].BaseName, "golang:") || stages[1].BaseName != "scratch" {
		t.Fatalf("stages %v, want golang and scratch", stages)
	}
	for _, c := range stages[0].Commands {
		if run, ok := c.(*instructions.RunCommand); ok && strings.Contains(run.CmdLine[0], "go build") {
			m.build = run.CmdLine[0]
		}
	}
	user := ""
	for _, c := range stages[1].Commands {
		switch c := c.(type) {
		case *instructions.UserCommand:
			user = c.User
		case *instructions.EntrypointCommand:
			m.entrypoint = c.CmdLine
		case *instructions.CmdCommand:
			m.cmd = c.CmdLine
		case *instructions.HealthCheckCommand:
			m.health = c.Health.Test
		case *instructions.RunCommand:
			t.Error("scratch runs nothing")
		}
	}
	if user != "65532:65532" {
		t.Errorf("user %q, want one without rights, by number", user)
	}
	return m
}

// TestDockerfile: the image builds without cgo or paths of the machine, and asks the
// binary itself for its health.
func TestDockerfile(t *testing.T) {
	m := dockerfile(t)
	for _, part := range []string{"CGO_ENABLED=0", "-trimpath", "-o /serve ./cmd/serve"} {
		if !strings.Contains(m.build, part) {
			t.Errorf("no %q in %q", part, m.build)
		}
	}
	if len(m.entrypoint) != 1 || len(m.health) < 3 || m.health[0] != "CMD" || m.health[1] != m.entrypoint[0] || m.health[2] != "-health" {
		t.Errorf("entrypoint %q, health %q", m.entrypoint, m.health)
	}
}

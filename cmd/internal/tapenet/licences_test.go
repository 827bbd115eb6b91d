package tapenet

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write licences.txt and cmd/README.md")

// TestLicences holds licences.txt to be those of the modules that the program is linked
// with, on all systems and with the tag mpi.
func TestLicences(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	want := licencesOf(t, linked(t))
	if *update {
		if err := os.WriteFile("licences.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if licences != want {
		t.Error("licences.txt is not what the modules say: want go test ./cmd/internal/tapenet -run Licences -update")
	}
	for _, module := range []string{"gorgonia.org/gorgonia", "google.golang.org/grpc", "Go's library"} {
		if !strings.Contains(licences, module) {
			t.Errorf("licences.txt has no %s", module)
		}
	}
}

// module is one that packages of the program are of.
type module struct {
	Path, Version, Dir string
	folders            map[string]bool // of the packages
}

// linked are the modules of the program but its own, by path.
func linked(t *testing.T) map[string]*module {
	t.Helper()
	all := map[string]*module{}
	for _, system := range []string{"linux/amd64", "darwin/arm64", "windows/amd64"} {
		name, processor, _ := strings.Cut(system, "/")
		c := exec.Command("go", "list", "-deps", "-json=Dir,Module", "-tags", "mpi", "tapenet/cmd/tapenet")
		c.Env = append(os.Environ(), "GOOS="+name, "GOARCH="+processor, "CGO_ENABLED=0")
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for d := json.NewDecoder(out); ; {
			var p struct {
				Dir    string
				Module *module
			}
			if err := d.Decode(&p); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if p.Module == nil || p.Module.Path == "tapenet" {
				continue
			}
			if all[p.Module.Path] == nil {
				p.Module.folders = map[string]bool{}
				all[p.Module.Path] = p.Module
			}
			all[p.Module.Path].folders[p.Dir] = true
		}
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < 20 {
		t.Fatalf("%d modules, want those of the program", len(all))
	}
	return all
}

// licenceName is what files with licences are called.
var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

// texts are the licences in the folders of a module's packages and above them.
func (m *module) texts(t *testing.T) (texts []string) {
	t.Helper()
	seen := map[string]bool{}
	for dir := range m.folders {
		for seen[dir] = true; dir != m.Dir && len(dir) > len(m.Dir); seen[dir] = true {
			dir = filepath.Dir(dir)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(seen)) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !licenceName.MatchString(e.Name()) || e.IsDir() || strings.HasSuffix(e.Name(), ".go") {
				continue
			}
			text := plainText(t, filepath.Join(dir, e.Name()))
			if !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
	}
	if texts == nil {
		t.Errorf("%s has no licence", m.Path)
	}
	return texts
}

// plainText is a file's text, without spaces at the ends of lines.
func plainText(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r\f")
	}
	return strings.Join(lines, "\n")
}

// licencesOf is the text of licences.txt: each licence once, below the modules that it is
// of.
func licencesOf(t *testing.T, modules map[string]*module) string {
	t.Helper()
	root := exec.Command("go", "env", "GOROOT")
	out, err := root.Output()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string][]string{plainText(t, filepath.Join(strings.TrimSpace(string(out)), "LICENSE")): {"Go's library"}}
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		for _, text := range modules[path].texts(t) {
			names[text] = append(names[text], path+" "+modules[path].Version)
		}
	}
	texts := slices.SortedFunc(maps.Keys(names), func(a, b string) int { return cmp.Compare(names[a][0]+a, names[b][0]+b) })
	var b strings.Builder
	for _, text := range texts {
		fmt.Fprintf(&b, "%s\n%s\n\n%s\n\n\n", strings.Repeat("=", 80), strings.Join(names[text], "\n"), text)
	}
	return b.String()
}

// TestLicencesPrinted: the command prints them.
func TestLicencesPrinted(t *testing.T) {
	out, _, err := output(t, "licences")
	if err != nil || out != licences {
		t.Errorf("%d bytes, %v, want the %d of licences.txt", len(out), err, len(licences))
	}
}

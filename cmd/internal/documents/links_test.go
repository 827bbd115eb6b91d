package documents

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// top is the top of the tree.
const top = "../../.."

func read(t *testing.T) []Document {
	t.Helper()
	all, err := Read(top)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("%d documents, want those of all folders", len(all))
	}
	return all
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
)

// TestLinks: what a document links to is there: files and folders of the tree, and
// headings.
func TestLinks(t *testing.T) {
	all := read(t)
	anchors := map[string][]string{}
	for _, d := range all {
		anchors[d.Path] = d.anchors()
	}
	for _, d := range all {
		for _, m := range link.FindAllStringSubmatch(d.Text, -1) {
			if strings.HasPrefix(m[1], "https://") || strings.HasPrefix(m[1], "http://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			to := d.Path
			if file != "" {
				to = path.Join(path.Dir(d.Path), file)
			}
			if _, err := os.Stat(filepath.Join(top, to)); err != nil {
				t.Errorf("%s links to %s, which is not there", d.Path, m[1])
			} else if anchor != "" && !slices.Contains(anchors[to], anchor) {
				t.Errorf("%s links to %s, but the headings there are %q", d.Path, m[1], anchors[to])
			}
		}
	}
}

// anchors are those of the document's headings, as GitHub makes them.
func (d Document) anchors() (all []string) {
	for _, m := range heading.FindAllStringSubmatch(d.Text, -1) {
		text := link.ReplaceAllString(strings.ReplaceAll(m[1], "[", ""), "")
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ' || r == '-':
				return '-'
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, text))
	}
	return all
}

// TestPicture: the front page's picture is a PNG file that loads fast.
func TestPicture(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(top, ".github", "front.png"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(content), "\x89PNG\r\n") || len(content) > 300_000 {
		t.Errorf("%d bytes that begin with %q, want a PNG file of at most 300,000", len(content), content[:min(6, len(content))])
	}
}

// TestFrontPage: it is short.
func TestFrontPage(t *testing.T) {
	info, err := os.Stat(filepath.Join(top, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if n := info.Size(); n < 8000 || n > 12000 {
		t.Errorf("README.md has %d bytes, want 8,000 to 12,000: the rest is in the READMEs of the folders", n)
	}
}

// checks is a row's last cell in CHECKS.md: folders, each with its tests.
var checks = regexp.MustCompile("`([a-z0-9/]+)` ((?:(?:Test|Fuzz)[A-Za-z0-9]+(?:, | and |))+)")

// TestChecks: the tests that CHECKS.md names are in the folders that it names.
func TestChecks(t *testing.T) {
	n := 0
	for _, d := range read(t) {
		if d.Path != ".github/CHECKS.md" {
			continue
		}
		for _, m := range checks.FindAllStringSubmatch(d.Text, -1) {
			sources := testsOf(t, m[1])
			for _, name := range regexp.MustCompile(`(?:Test|Fuzz)[A-Za-z0-9]+`).FindAllString(m[2], -1) {
				n++
				if !strings.Contains(sources, "\nfunc "+name+"(") {
					t.Errorf("%s has no test %s", m[1], name)
				}
			}
		}
		if all := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z][A-Za-z0-9]+`).FindAllString(d.Text, -1); len(all) != n {
			t.Errorf("%d tests are named, %d of them behind their folder", len(all), n)
		}
	}
	if n < 50 {
		t.Errorf("%d tests, want those of the whole page", n)
	}
}

// testsOf is the source of a folder's tests.
func testsOf(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, filepath.FromSlash(dir), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("no tests in %s: %v", dir, err)
	}
	var b strings.Builder
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(content)
	}
	return b.String()
}

var (
	cell     = regexp.MustCompile("(?m)^\\| (`[^|]*)")
	code     = regexp.MustCompile("`([^`]+)`")
	required = regexp.MustCompile(`(?m)^(?:require )?\t?([a-z0-9]+\.[^ \n]+) v[^ \n]+( // indirect)?$`)
)

// TestDependencies: DEPENDENCIES.md has a reason for each module that a go.mod file asks
// for directly, and for no module that none has.
func TestDependencies(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(top, ".github", "DEPENDENCIES.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, row := range cell.FindAllStringSubmatch(string(content), -1) {
		for _, m := range code.FindAllStringSubmatch(row[1], -1) {
			listed[m[1]] = true
		}
	}
	asked := map[string]bool{}
	for _, dir := range []string{".", ".ci/tools", "graph/internal/kernel/gen", "infer/serve/deploy", "notebooks/kernel"} {
		content, err := os.ReadFile(filepath.Join(top, dir, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range required.FindAllStringSubmatch(string(content), -1) {
			if asked[m[1]] = true; m[2] == "" && !listed[m[1]] {
				t.Errorf("%s/go.mod asks for %s, for which DEPENDENCIES.md has no reason", dir, m[1])
			}
		}
	}
	for module := range listed {
		if !asked[module] {
			t.Errorf("DEPENDENCIES.md has %s, which no go.mod asks for", module)
		}
	}
}

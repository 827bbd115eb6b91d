package train

import (
	"strconv"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/modelzoo"
)

// TestFolded: a deep network's table begins and ends as before, and says how many layers
// it leaves out; a short one stays whole.
func TestFolded(t *testing.T) {
	table := func(l graph.Layer, channels int) string {
		m, err := graph.Options{}.Build(l, graph.Infer, 1, channels, 32, 32)
		if err != nil {
			t.Fatal(err)
		}
		return m.Summary()
	}
	short := table(modelzoo.CNN(10), 1)
	if got := folded(short); got != short {
		t.Errorf("%s\nbecame\n%s", short, got)
	}
	deep := table(modelzoo.MobileNetV2{Classes: 10}, 3)
	got := folded(deep)
	lines, all := strings.Split(got, "\n"), strings.Split(deep, "\n")
	if len(lines) > 20 || lines[0] != all[0] || lines[1] != all[1] {
		t.Fatalf("got\n%s", got)
	}
	rows := strings.Count(deep[:strings.Index(deep, "\ntotal ")], "\n")
	for _, want := range []string{"\ntotal ", " values of state\n", "… and " + strconv.Itoa(rows-14) + " more layers, which tapenet zoo shows\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

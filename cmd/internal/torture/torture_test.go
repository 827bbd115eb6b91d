package torture

import (
	"path/filepath"
	"testing"
)

// TestRecord: a full run writes down what it did, and one that was stopped goes on where it
// was.
func TestRecord(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(Folder, dir)
	t.Setenv(Trial, "")
	p := Part{Name: "counting", Failure: "nothing", Guarantee: "everything", Short: 1, Full: 4}
	var made []int
	count := func(t *testing.T, number int) string {
		made = append(made, number)
		return "held"
	}
	p.Run(t, count)
	p.Full = 6
	p.Run(t, count)
	for i, number := range made {
		if number != i {
			t.Errorf("made trials %v, want each once, in order", made)
		}
	}
	r, err := Read(filepath.Join(dir, "counting.json"))
	if err != nil || r.Tried != 6 || r.Outcomes["held"] != 6 || len(r.Broken) != 0 || r.Part != p {
		t.Errorf("got record %+v, %v, want 6 trials that held", r, err)
	}
}

// TestShort: without a folder a part makes its short run alone.
func TestShort(t *testing.T) {
	t.Setenv(Folder, "")
	t.Setenv(Trial, "")
	n := 0
	Part{Name: "short", Short: 3, Full: 100}.Run(t, func(t *testing.T, number int) string {
		n++
		return "held"
	})
	if n != 3 {
		t.Errorf("made %d trials, want 3", n)
	}
}

func TestText(t *testing.T) {
	if got, want := Text(map[string]int{"b": 2, "a": 2, "c": 5}), "c 5, a 2, b 2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

package bench

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLanes measures two shares of a small network in processes of their own, in turns,
// and keeps what they came to.
func TestLanes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.json")
	args := []string{"-model", "lenet5", "-batch", "16", "-threads", "1", "-lanes", "1,4", "-rounds", "2", "-time", "10ms", "-out", file}
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), append(args, "-json"), &stdout, &stderr); err != nil || stderr.Len() > 0 {
		t.Fatalf("error %v, stderr %q", err, &stderr)
	}
	var lanes []int
	for d := json.NewDecoder(&stdout); d.More(); {
		var r lanedReport
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		lanes = append(lanes, r.Lanes)
		if r.Model != "lenet5" || r.Mode != modeTrain || r.Batch != 16 || r.Ranks != 1 || len(r.Samples) < minSteps || len(r.Medians) != 2 ||
			!slices.Contains(r.Medians, r.Step) || !(r.Step > 0) || !(r.Ratio > 0) || r.Lanes == 1 && r.Ratio != 1 {
			t.Errorf("report %+v", r)
		}
	}
	if !slices.Equal(lanes, []int{1, 4}) {
		t.Errorf("reports of %v lanes, want 1 and 4", lanes)
	}
	var kept record
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil || len(kept.Lanes) != 2 || len(kept.Lanes[1].Samples) < minSteps {
		t.Errorf("error %v, kept %+v", err, kept.Lanes)
	}
}

// TestWriteLanes: one line for each share, without the times of ranks that there are
// not.
func TestWriteLanes(t *testing.T) {
	var b bytes.Buffer
	c := combination{Model: "cnn", Mode: modeTrain, Batch: 128, Threads: 1}
	turn := lanedTurn{Library: "Open MPI 4.1.4", Samples: []float64{4}, Computed: []float64{3, 3.5}, Waited: []float64{0.5, 0}, Exchanged: []float64{0.25, 0.25}}
	first := []lanedTurn{{Samples: []float64{8, 9, 7}}}
	reports := []lanedReport{newLanedReport(c, share{1, 1}, first, first), newLanedReport(c, share{8, 2}, []lanedTurn{turn}, first)}
	if err := writeLanes(&b, reports); err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for line := range strings.Lines(b.String()) {
		got = append(got, strings.Fields(line))
	}
	want := [][]string{
		strings.Fields("cnn train 128 1 1 1 8.00 16,000 1.00 - - - -"),
		strings.Fields("cnn train 128 1 8 2 4.00 32,000 2.00 3.50 0.500 0.250 Open MPI 4.1.4"),
	}
	if len(got) != 3 || !slices.Equal(got[1], want[0]) || !slices.Equal(got[2], want[1]) {
		t.Errorf("wrote\n%s\nwant %q", &b, want)
	}
}

// TestLanesErrors: a launcher that is missing or fails says so in one line, and flags
// that do not go together are refused.
func TestLanesErrors(t *testing.T) {
	base := []string{"-model", "lenet5", "-batch", "8", "-threads", "1", "-time", "1ms", "-rounds", "1"}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-ranks", "2"}, "-ranks without -lanes"},
		{[]string{"-lanes", "2", "-ranks", "3"}, "more -ranks than -lanes"},
		{[]string{"-lanes", "0"}, "-lanes"},
		{[]string{"-lanes", "2", "-mode", "infer"}, "-lanes with -mode infer"},
		{[]string{"-lanes", "2", "-profile"}, "-lanes goes with none of"},
		{[]string{"-lanes", "2", "-launcher", " "}, "-launcher is empty"},
		{[]string{"-lanes", "2", "-ranks", "2", "-launcher", "no-such-launcher"}, `2 lanes on 2 ranks: exec: "no-such-launcher"`},
		{[]string{"-lanes", "2", "-ranks", "2", "-launcher", "false"}, "2 lanes on 2 ranks: exit status 1: it said nothing"},
		{[]string{"-lanes", "2", "-ranks", "2", "-launcher", "echo"}, "want samples"},
	} {
		err := run(t.Context(), append(slices.Clone(base), tt.args...), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want one line with %q", tt.args, err, tt.want)
		}
	}
	if got, want := firstLine("-----\n\n  bench: it is broken  \nmore\n"), "it is broken"; got != want {
		t.Errorf("first line %q, want %q", got, want)
	}
}

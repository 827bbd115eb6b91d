package data

import (
	"fmt"
	"strings"
	"testing"
)

// TestTableOfSeveralClasses: pictures with several classes, one, or none, in both forms of a table;
// parts have the same sets, and what is for one class each is refused.
func TestTableOfSeveralClasses(t *testing.T) {
	var csv, lines strings.Builder
	csv.WriteString("file,labels,split\n")
	for i := range 20 {
		var labels []string
		for k, name := range []string{"red", "round", "small"} {
			if i%6>>k&1 > 0 { // none, red, round, red and round, small, red and small
				labels = append(labels, name)
			}
		}
		part := []string{"train", "train", "train", "test"}[i/5]
		file := fmt.Sprintf("%c/%02d.png", 'a'+i%2, i)
		fmt.Fprintf(&csv, "%s,%s;,%s\n", file, strings.Join(labels, " ; "), part)
		fmt.Fprintf(&lines, `{"file_name": %q, "labels": ["%s"], "split": %q}`+"\n", file, strings.Join(labels, `", "`), part)
	}
	for name, content := range map[string]string{"t.csv": csv.String(), "t.jsonl": lines.String()} {
		d, err := Open(listedAlbum(t, name, content))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(d.Classes, len(d.Sets), d.Kinds(), d.Train.Len(), d.Test.Len()); got != "[red round small] 6 6 15 5" {
			t.Errorf("%s: got %s", name, got)
		}
		labels, err := Labels(d.Test, d.Shape)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range labels {
			var n int
			fmt.Sscanf(Name(d.Test, i)[2:], "%d", &n)
			want := []string{"", "red", "round", "red; round", "small", "red; small"}[n%6]
			if got := d.Kind(l); got != want {
				t.Errorf("%s: %s is %q, want %q", name, Name(d.Test, i), got, want)
			}
		}
		if _, err := Balance(d, 1); err == nil || !strings.Contains(err.Error(), "have several classes each, want one each to balance them") {
			t.Errorf("Balance: error %v, want one that says why", err)
		}
		if _, err := LabelNoise(d, 0.5, 1); err == nil {
			t.Error("LabelNoise: no error")
		}
		if d, err = Split(d, 0.2, 1, true); err != nil || d.Test.Len() != 3 {
			t.Errorf("Split: %v, want 3 held out", err)
		}
	}
}

package screen

import (
	"bytes"
	"testing"
	"time"
)

// TestProgressInALog: without a terminal there is a line every ten seconds, and none of
// work that takes less.
func TestProgressInALog(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, true)
	clock := p.began
	p.now = func() time.Time { return clock }
	for done := range 46 {
		p.Show(done, 90, Named("reading pictures"))
		clock = clock.Add(time.Second)
	}
	p.Clear()
	want := "reading pictures  10 of 90, 1m20s left\nreading pictures  20 of 90, 1m10s left\nreading pictures  30 of 90, 1m0s left\nreading pictures  40 of 90, 50s left\n"
	if b.String() != want {
		t.Errorf("%q, want %q", &b, want)
	}
}

// TestProgressText: the text is told what room there is.
func TestProgressText(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, false)
	p.now = func() time.Time { return p.began.Add(every) }
	p.Show(0, 5, func(columns int) string {
		if columns != 80-len("  0 of 5") {
			t.Errorf("%d columns", columns)
		}
		return ""
	})
	if b.String() != "0 of 5\n" {
		t.Errorf("%q", &b)
	}
}

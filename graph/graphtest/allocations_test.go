package graphtest

import (
	"errors"
	"testing"
)

// TestAllocates tests the one check that no layer of another package can fail:
// ops of other packages are exempt from it.
func TestAllocates(t *testing.T) {
	var sink []byte
	grab := func() error { sink = make([]byte, 1<<10); return nil }
	if err := allocates(grab, 1); err != nil {
		t.Errorf("one allocation with limit 1: %v", err)
	}
	if err := allocates(grab, 0); err == nil {
		t.Errorf("one allocation with limit 0: no error")
	}
	if err := allocates(func() error { return errors.ErrUnsupported }, 0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, want the run's error", err)
	}
	_ = sink
}

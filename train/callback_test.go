package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"

	"tapenet/graph"
)

// Callbacks are told of every epoch in their order, with the network that was
// evaluated; the first that fails ends the run, and it can go on.
func TestCallbacks(t *testing.T) {
	var told []string
	d := blobSet(20, 5)
	c := Config{Epochs: 3, Average: 0.9, Dir: t.TempDir()}
	full := errors.New("full")
	c.Callbacks = []Callback{
		Ignore{},
		BatchFunc(func(Progress) { told = append(told, "batch") }),
		EpochFunc(func(net *graph.Network, e Epoch) error {
			told = append(told, "first")
			loss, accuracy, err := Evaluate(t.Context(), net, d.Test)
			if err != nil || loss != e.ValLoss || accuracy != e.ValAccuracy {
				t.Errorf("epoch %d: loss %v and accuracy %v, error %v, want %+v", e.Epoch, loss, accuracy, err, e)
			}
			return nil
		}),
		EpochFunc(func(_ *graph.Network, e Epoch) error {
			if told = append(told, "second"); e.Epoch == 2 {
				return full
			}
			return nil
		}),
	}
	res, err := Fit(t.Context(), plainNet(), d, c)
	if err != full || len(res.History) != 2 {
		t.Fatalf("%d epochs and error %v, want 2 and the callback's", len(res.History), err)
	}
	if got, want := strings.Join(told, " "), "batch first second batch first second"; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
	c.Resume, c.Callbacks = true, nil
	got := fit(t, plainNet(), blobSet(20, 5), c)
	c.Resume, c.Dir = false, ""
	if want := fit(t, plainNet(), blobSet(20, 5), c); !reflect.DeepEqual(bits(got.Network), bits(want.Network)) {
		t.Error("the run that went on is another one")
	}
}

// A line of a slog handler has what an epoch's JSON has.
func TestSlog(t *testing.T) {
	var b bytes.Buffer
	res := fit(t, plainNet(), blobSet(20, 5), Config{Epochs: 2, Callbacks: []Callback{Slog(slog.New(slog.NewJSONHandler(&b, nil)))}})
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("logged %q, want two lines", b.String())
	}
	for i, line := range lines {
		var got Epoch
		var keys map[string]any
		if err := errors.Join(json.Unmarshal([]byte(line), &got), json.Unmarshal([]byte(line), &keys)); err != nil {
			t.Fatal(err)
		}
		if got != res.History[i] || keys["msg"] != "epoch" || keys["level"] != "INFO" || math.IsNaN(got.Loss) {
			t.Errorf("logged %s, want %+v", line, res.History[i])
		}
	}
}

package infer

import (
	"strings"
	"testing"
)

// Several models vote. A model beside itself has the same answers.
func TestEnsemble(t *testing.T) {
	one, dir := trained(t), idx(t, 300, 10)
	alone, _, err := classified(t, "-model", one, "-data", dir)
	if err != nil {
		t.Fatal(err)
	}
	twice, _, err := classified(t, "-model", one+","+one, "-data", dir)
	if err != nil || twice != alone {
		t.Errorf("error %v, the model beside itself gives\n%s\nwant\n%s", err, twice, alone)
	}
	files, _ := pictures(t, 3)
	want, _, err := classified(t, append([]string{"-model", one}, files...)...)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := classified(t, append([]string{"-model", one + "," + one}, files...)...)
	if err != nil || got != want {
		t.Errorf("error %v, got %s, want %s", err, got, want)
	}
	for want, args := range map[string][]string{
		"infer: -saliency of several models, want one": {"-model", one + "," + one, "-saliency", "x.png", files[0]},
		"infer: no model: ":                            {"-model", one + ",none", files[0]},
	} {
		if _, _, err := classified(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %s", args, err, want)
		}
	}
}

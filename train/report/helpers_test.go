package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
)

// blobs are made-up images of some classes: noise, and a bright spot for the class.
type blobs struct {
	n, classes, size int
	wrong            bool // has a class that there is not
}

func (b blobs) Len() int { return b.n }

func (b blobs) Read(i int, x []float32) (class int, err error) {
	if len(x) != b.size {
		return 0, fmt.Errorf("%d values, want %d", len(x), b.size)
	}
	class = i * 7 % b.classes
	for k := range x {
		x[k] = float32(0.3 + 0.3*math.Sin(float64(i*131+k*17)))
	}
	x[class] = 1
	if b.wrong {
		class = b.classes
	}
	return class, nil
}

// blobSet is a dataset with classes of these names.
func blobSet(shape [3]int, classes ...string) data.Dataset {
	size := shape[0] * shape[1] * shape[2]
	return data.Dataset{
		Name: "blobs", Shape: shape, Classes: classes,
		Train: blobs{n: 60, classes: len(classes), size: size}, Test: blobs{n: 45, classes: len(classes), size: size},
	}
}

func convNet(classes int) graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: 3, Kernel: 3, Activation: graph.ReLU},
		graph.BatchNorm{},
		graph.Flatten{},
		graph.Dense{Units: classes},
	}
}

func denseNet(classes int) graph.Layer {
	return graph.Sequential{graph.Flatten{}, graph.Dense{Units: classes}}
}

// trained is a run of two epochs.
func trained(t *testing.T, dir string, l graph.Layer, d data.Dataset) *train.Result {
	t.Helper()
	res, err := train.Fit(t.Context(), l, d, train.Config{Epochs: 2, Batch: 16, Seed: 3, Model: "tiny", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// reported is the page of such a run.
func reported(t *testing.T, l graph.Layer, d data.Dataset) string {
	t.Helper()
	dir := t.TempDir()
	r, err := New(t.Context(), dir, trained(t, dir, l, d).Network, d)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, File)
	if err := r.Save(path); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// elements parses a page and returns its elements by name. It demands that
// their tags match and that no escaper gave up.
func elements(t *testing.T, page string) map[string][]xml.StartElement {
	t.Helper()
	if strings.Contains(page, "ZgotmplZ") {
		t.Error("the page has a value that html/template refused")
	}
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	all, open := map[string][]xml.StartElement{}, []string{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			all[e.Name.Local] = append(all[e.Name.Local], e.Copy())
			open = append(open, e.Name.Local)
		case xml.EndElement:
			if open[len(open)-1] != e.Name.Local {
				t.Fatalf("</%s> ends <%s>", e.Name.Local, open[len(open)-1])
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) != 0 {
		t.Errorf("%q are not ended", open)
	}
	return all
}

// attribute is an element's attribute, "" if it has none.
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// has demands parts in a page.
func has(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(page, part) {
			t.Errorf("no %q in the page", part)
		}
	}
}

// hasNot is the contrary.
func hasNot(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(page, part) {
			t.Errorf("%q in the page", part)
		}
	}
}

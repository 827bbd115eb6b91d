package open

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/graph/raster"
	"tapenet/graph/regular"
)

// Description says of a foreign model what its file does not: how a picture becomes
// its input, and what its outputs are. It is the content of the file beside it,
// x.onnx.toml for x.onnx. What is left out has a default.
type Description struct {
	// Input is channels, height and width of an image. A file that leaves height
	// or width open needs it.
	Input []int `json:"input"`
	// Layout is "nchw" or "nhwc": what the file's input is.
	Layout string `json:"layout"`
	// Order is "rgb" or "bgr": that of the file's channels.
	Order string `json:"order"`
	// Range are the values that black and white have before Mean and Deviation,
	// which are in this range too: [0, 1], [0, 255], [-1, 1].
	Range []float64 `json:"range"`
	raster.Preprocessing
	// Output is the file's output to use; "" is the first.
	Output string `json:"output"`
	// Classes are names, or the name of a text file beside the model that has one
	// a line.
	Classes Names `json:"classes"`
}

// Names are the names of classes: in TOML a list, or the name of a text file.
type Names struct {
	List []string
	File string
}

// UnmarshalJSON reads a list or the name of a file.
func (n *Names) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &n.File)
	}
	return json.Unmarshal(b, &n.List)
}

// keys are what a description may have, in the order of its template.
var keys = []string{"input", "layout", "order", "range", "fit", "shorter", "filter", "mean", "deviation", "output", "classes"}

// maxDescription bounds the bytes of a description and of a file of names: 80,000 names
// need 3 MB.
const maxDescription = 4 << 20

// besides is the description's file of a model's file.
func besides(path string) string { return path + ".toml" }

// parse reads the text of a description.
func (d *Description) parse(text []byte) error {
	values, err := parseTOML(string(text))
	if err != nil {
		return err
	}
	for key := range values {
		if !slices.Contains(keys, key) {
			return fmt.Errorf("no setting %q, want %s", key, strings.Join(keys, ", "))
		}
	}
	all, err := json.Marshal(values)
	if err != nil {
		return err
	}
	var of *json.UnmarshalTypeError
	if err := json.Unmarshal(all, d); errors.As(err, &of) {
		return fmt.Errorf("%s is a %s, want another type", of.Field[strings.LastIndexByte(of.Field, '.')+1:], of.Value)
	} else if err != nil {
		return err
	}
	return d.check()
}

// check returns an error for values that no model has.
func (d *Description) check() error {
	switch {
	case d.Input != nil && (len(d.Input) != 3 || slices.Min(d.Input) < 1 || slices.Max(d.Input) > maxSide):
		return fmt.Errorf("input is %v, want channels, height and width, as in [3, 224, 224]", d.Input)
	case !slices.Contains([]string{"", "nchw", "nhwc"}, d.Layout):
		return fmt.Errorf("layout is %.64q, want nchw or nhwc", d.Layout)
	case !slices.Contains([]string{"", "rgb", "bgr"}, d.Order):
		return fmt.Errorf("order is %.64q, want rgb or bgr", d.Order)
	case d.Range != nil && (len(d.Range) != 2 || !(d.Range[0] < d.Range[1])):
		return fmt.Errorf("range is %v, want the values of black and white, as in [0, 255]", d.Range)
	}
	return nil
}

// maxSide bounds a picture's height and width.
const maxSide = 1 << 14

// names reads the file of names, if there is one.
func (d *Description) names(dir string) error {
	if d.Classes.File == "" {
		return nil
	}
	if !filepath.IsLocal(d.Classes.File) {
		return fmt.Errorf("classes is %.64q, want a file in the model's folder", d.Classes.File)
	}
	root, err := os.OpenRoot(dir) // which a link does not lead out of
	if err != nil {
		return fmt.Errorf("classes: %w", err)
	}
	defer root.Close()
	text, err := regular.ReadIn(root.FS(), filepath.ToSlash(filepath.Clean(d.Classes.File)), maxDescription)
	if err != nil {
		return fmt.Errorf("classes: %w", err)
	}
	d.Classes.List = nil // of the model's own
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		if name := strings.TrimSpace(string(line)); name != "" {
			d.Classes.List = append(d.Classes.List, name)
		}
	}
	return nil
}

// scaled returns the preprocessing for pixels in 0..1, where the description has
// values in Range: with low and high for it, (low+p·(high-low)-mean)/deviation.
func (d *Description) scaled(channels int) raster.Preprocessing {
	p := d.Preprocessing
	if d.Range == nil || d.Range[0] == 0 && d.Range[1] == 1 {
		return p
	}
	low, span := d.Range[0], d.Range[1]-d.Range[0]
	mean, deviation := make([]float64, channels), make([]float64, channels)
	for c := range channels {
		deviation[c] = 1 / span
		mean[c] = -low / span
		if c < len(p.Mean) && c < len(p.Deviation) {
			mean[c] = (p.Mean[c] - low) / span
			if p.Deviation[c] > 0 {
				deviation[c] = p.Deviation[c] / span
			}
		}
	}
	p.Mean, p.Deviation = mean, deviation
	return p
}

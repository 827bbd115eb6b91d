package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"unicode"
	"unicode/utf8"

	"tapenet/graph"
	"tapenet/graph/metric"
	"tapenet/graph/raster"
	"tapenet/graph/regular"
	"tapenet/graph/weights"
	"tapenet/train"
	"tapenet/train/data"
)

// CardFile is the model card's name in a run's folder.
const CardFile = "model-card.md"

// cards has the template of a model card.
var cards = template.Must(template.New("").Funcs(template.FuncMap{
	"thousands": graph.Thousands,
	"percent":   func(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) },
	"measure":   func(v float64) string { return fmt.Sprintf("%.4f", v) },
	"md":        escaped,
	"code":      shell,
	"quoted":    func(text string) string { return strings.ReplaceAll(strconv.Quote(text), "`", "?") },
}).ParseFS(source, "card.md"))

// escaped is text that Markdown shows as it is.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range strings.Join(strings.Fields(text), " ") {
		switch {
		case r == '<':
			b.WriteString("&lt;")
			continue
		case r == '&':
			b.WriteString("&amp;")
			continue
		case strings.ContainsRune("\\`*_[]|#>~", r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// shell is a word of a command line, in quotes if it needs some.
func shell(word string) string {
	odd := func(r rune) bool {
		return r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._/-", r)
	}
	if !strings.ContainsFunc(word, odd) {
		return word
	}
	return "'" + strings.NewReplacer("'", `'\''`, "`", "?", "\n", "?", "\r", "?").Replace(word) + "'"
}

// ConfigFile is the file with the run's settings.
func (c *card) ConfigFile() string { return c.Dir + "/" + ConfigFile }

// card is a model card after Mitchell et al. 2019 (Model Cards for Model Reporting, arXiv
// 1810.03993): what was measured of a run, and what follows from it.
type card struct {
	Name, Dir, Report string
	Record            train.Record
	Classes           []string
	Input             string
	Layers            []layer
	Parameters, State int
	MulAdds           int
	Places            bool // it has class activation maps
	Repeats           bool // ConfigFile says that it repeats the run
	Prepared          []string
	Dataset, Changes  string
	TrainImages       int
	Split             string

	Part            string
	Images          int
	Accuracy        float64
	Lower, Upper    float64 // of a 95 % interval
	Attacked        float64 // accuracy; 0 if it is not measured
	Ranks           *ranks
	Calibration     []string
	Rows            []cardRow
	Limits          []string
	Tested          bool // there is a result of the dataset's own test part
	TestLoss        float64
	TestAccuracy    float64
	temperature     float64
	unknown         *weights.Unknown
	confusion       metric.Confusion
	trained, tested []int // images by class
}

// cardRow is what is known of a class.
type cardRow struct {
	Class                 string
	Train, Images         int
	Predicted             int
	Precision, Recall, F1 float64
	Ranked                bool
	AUC, AP               float64
}

// newCard gathers what the page of a run and its evaluation know.
func newCard(dir string, p page, record train.Record, e *evaluation, d data.Dataset) (*card, error) {
	model, err := weights.LoadModel(filepath.Join(dir, train.ModelFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	labels, err := data.Labels(d.Train, d.Shape)
	if err != nil {
		return nil, fmt.Errorf("training labels: %w", err)
	}
	name := filepath.Base(filepath.Clean(dir))
	c := &card{
		Name: name, Dir: name, Report: File, Record: record, Classes: d.Classes, Layers: p.Layers,
		Dataset: d.Name, Changes: strings.TrimRight(d.Changes, "; "), TrainImages: d.Train.Len(),
		Part: d.TestPart(), Images: len(e.samples), Accuracy: e.confusion.Accuracy(), Ranks: p.Ranks,
		temperature: model.Temperature, unknown: model.Unknown, confusion: e.confusion,
		trained: make([]int, len(d.Classes)), tested: make([]int, len(d.Classes)),
	}
	if filepath.IsLocal(dir) {
		c.Dir = filepath.ToSlash(filepath.Clean(dir))
	}
	if text, err := regular.Read(filepath.Join(dir, ConfigFile), 1<<20); err == nil {
		c.Repeats = bytes.HasPrefix(text, []byte(Repeats))
	}
	for _, k := range labels {
		c.trained[k]++
	}
	for _, s := range e.samples {
		c.tested[s.class]++
	}
	for _, l := range p.Layers {
		c.Parameters, c.State, c.MulAdds = c.Parameters+l.Params, c.State+l.State, c.MulAdds+l.MulAdds
	}
	if n := len(record.History); n > 0 {
		c.Attacked = record.History[n-1].Attacked
	}
	c.describeInput(d)
	c.Split = fmt.Sprintf("%s more images are its test part, which training does not see", graph.Thousands(d.Test.Len()))
	if d.HeldOut {
		c.Split = fmt.Sprintf("%s more images were held out of its training part, for validation", graph.Thousands(d.Test.Len()))
	}
	if err := c.measure(e); err != nil {
		return nil, err
	}
	c.Limits = c.limits()
	return c, nil
}

// describeInput says what the network takes, and what makes a picture so.
func (c *card) describeInput(d data.Dataset) {
	channels, h, w := d.Shape[0], d.Shape[1], d.Shape[2]
	kind := map[int]string{1: "one channel, grey", 3: "three channels, red, green and blue"}[channels]
	if kind == "" {
		kind = fmt.Sprintf("%d channels", channels)
	}
	c.Input = fmt.Sprintf("images of %d×%d pixels, %s", w, h, kind)
	p := d.Preprocessing.For(channels)
	size := fmt.Sprintf("%d×%d pixels", w, h)
	switch fit := p.Fit; {
	case fit == raster.Crop && p.Shorter > 0:
		c.Prepared = append(c.Prepared, fmt.Sprintf("its shorter side is scaled to %d pixels, and the middle of %s is taken: what lies beside it is not seen", p.Shorter, size))
	case fit == raster.Crop:
		c.Prepared = append(c.Prepared, "it is scaled to cover "+size+", and the middle is taken: what lies beside it is not seen")
	case fit == raster.Pad:
		c.Prepared = append(c.Prepared, "it is scaled to go into "+size+" as a whole, with black beside it")
	case fit == raster.Strokes:
		c.Prepared = append(c.Prepared, "its strokes become light on black, are scaled to 20/28 of "+size+" and centred by their mass; a picture of that size is only inverted, if its ground is the lighter")
	default:
		c.Prepared = append(c.Prepared, "it is stretched to "+size+", whatever its shape")
	}
	switch {
	case d.Stats.Mean != nil:
		c.Prepared = append(c.Prepared, fmt.Sprintf("pixels in 0..1 lose the mean %.4g and are divided by the deviation %.4g, by channel", d.Stats.Mean, d.Stats.Deviation))
	default:
		c.Prepared = append(c.Prepared, "pixels are numbers in 0..1")
	}
}

// save writes the card to a file, atomically.
func (c *card) save(path string) error {
	return weights.WriteFile(path, func(w io.Writer) error {
		if err := cards.ExecuteTemplate(w, "card.md", c); err != nil {
			return fmt.Errorf("report: %w", err)
		}
		return nil
	})
}

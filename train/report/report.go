// Package report shows a run as one HTML page that needs nothing else: its
// settings, its curves, what the network gets wrong and where it looks, its first
// layer's filters, and what each layer costs; and as a model card in Markdown.
//
// [New] measures a trained network and makes the whole page; [Live] serves the
// same page while the run goes on, without what only the end can tell.
package report

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/train"
	"tapenet/train/data"
)

// File is the report's name in a run's folder.
const File = "report.html"

// Report is the page of a run that has ended, and its model card.
type Report struct {
	page page
	card *card
}

// New makes the report of the run in a folder: net is the network as the run
// has left it, d what it was trained on. It classifies all images of d.Test and
// runs a few batches with a watch; net's weights stay as they are. Of images of several
// classes each the page has no matrix and no single images, and says so, and there is no card.
func New(ctx context.Context, dir string, net *graph.Network, d data.Dataset) (*Report, error) {
	record, err := train.ReadRecord(dir)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	p, err := newPage(dir, net, d)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if err := p.add(record); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if err := p.measure(net, d, min(record.Batch, maxBatch)); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	e, err := evaluate(ctx, net, d)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if p.Ranks, err = newRanks(e, d.Classes); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if p.Several = d.Sets != nil; p.Several {
		return &Report{page: p}, nil
	}
	p.Confusion = newMatrix(e.confusion, d.Classes)
	if err := p.Confusion.open(e, d); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if p.Similar, err = newSimilar(ctx, net, d); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	maps, err := newActivation(net, d)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if p.Wrong, err = showSamples(e.worst(false, maxWrong), d, maps); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if p.Unsure, err = showSamples(e.worst(true, maxUnsure), d, maps); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	c, err := newCard(dir, p, record, e, d)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	c.Places = maps != nil
	return &Report{p, c}, nil
}

// Tested adds what the network makes of the dataset's own test part, for a run
// that was evaluated on held-out images.
func (r *Report) Tested(loss, accuracy float64) {
	if r.HasCard() {
		r.card.Tested, r.card.TestLoss, r.card.TestAccuracy = true, loss, accuracy
	}
	r.page.Facts = append(r.page.Facts, results("test", loss, fmt.Sprintf("%.2f %%", 100*accuracy))...)
}

// Shared adds who trained together: the ranks of a group of processes, and the name of
// the machine that each of them ran on, if they are known.
func (r *Report) Shared(lanes int, ranks []train.RankTime, hosts []string) {
	if len(ranks) == 0 {
		return
	}
	machines := slices.Compact(slices.Sorted(slices.Values(hosts)))
	var sum train.RankTime
	for _, t := range ranks {
		sum.Computed, sum.Waited, sum.Exchanged = sum.Computed+t.Computed, sum.Waited+t.Waited, sum.Exchanged+t.Exchanged
	}
	share := func(part float64) string {
		return fmt.Sprintf("%.0f %%", 100*part/max(sum.Computed+sum.Waited+sum.Exchanged, math.SmallestNonzeroFloat64))
	}
	r.page.Facts = append(r.page.Facts, fact{"ranks", fmt.Sprintf("%d, of %d lanes", len(ranks), lanes)})
	if len(machines) > 0 {
		r.page.Facts = append(r.page.Facts, fact{"hosts", strings.Join(machines, ", ")})
	}
	r.page.Facts = append(r.page.Facts,
		fact{"time of the ranks in steps", fmt.Sprintf("%s computing, %s waiting for slower ranks, %s exchanging",
			share(sum.Computed), share(sum.Waited), share(sum.Exchanged))})
}

// Save writes the page to a file, atomically.
func (r *Report) Save(path string) error {
	return weights.WriteFile(path, func(w io.Writer) error { return r.page.write(w, "page") })
}

// HasCard reports whether there is a model card: not of images of several classes each.
func (r *Report) HasCard() bool { return r.card != nil }

// SaveCard writes the model card, if there is one, to a file, atomically: what the network is, what it was trained
// on and how, its results and its limits, in Markdown, with nothing but what was measured.
func (r *Report) SaveCard(path string) error {
	if !r.HasCard() {
		return nil
	}
	return r.card.save(path)
}

// page is what the template shows. Sections that are empty are left out.
type page struct {
	Title     string
	Live      bool      // it is served and changes
	Ended     bool      // the run, for a page that is served
	Progress  *progress // nil unless the run goes on
	Several   bool      // images have several classes each
	Part      string    // what it is evaluated on: "test", or "validation"
	Facts     []fact
	Settings  []Setting
	Charts    []template.HTML
	Confusion *matrix
	Ranks     *ranks
	Wrong     []mistake // the worst of them
	Unsure    []mistake // right, with the least certainty
	Similar   *similar
	Filters   *filters
	Layers    []layer
	Times     *times // of the layers
}

// fact is a line of the summary.
type fact struct{ Name, Value string }

// newPage has what is known before the first step.
func newPage(dir string, net *graph.Network, d data.Dataset) (page, error) {
	m, err := net.Model(graph.Infer, 1)
	if err != nil {
		return page{}, err
	}
	p := page{Title: filepath.Clean(dir), Part: d.TestPart(), Layers: newLayers(m), Filters: newFilters(m)}
	parameters := 0
	for _, l := range p.Layers {
		parameters += l.Params
	}
	use := "testing"
	if d.HeldOut {
		use = "validation"
	}
	p.Facts = []fact{
		{"dataset", fmt.Sprintf("%s, %d classes", d.Name, len(d.Classes))},
		{"images", fmt.Sprintf("%s for training, %s for %s, each %d×%d×%d",
			graph.Thousands(d.Train.Len()), graph.Thousands(d.Test.Len()), use, d.Shape[0], d.Shape[1], d.Shape[2])},
		{"parameters", graph.Thousands(parameters)},
	}
	return p, nil
}

// add adds what the run's folder says.
func (p *page) add(r train.Record) (err error) {
	schedule := r.Schedule
	if schedule == "" {
		schedule = "constant"
	}
	facts := []fact{
		{"model", r.Model}, {"optimizer", r.Optimizer}, {"learning rate", schedule},
		{"batch", fmt.Sprint(r.Batch)}, {"seed", fmt.Sprint(r.Seed)},
	}
	if r.Defence != "" {
		facts = append(facts, fact{"defence", r.Defence})
	}
	if n := len(r.History); n > 0 {
		last, best := r.History[n-1], r.Best()
		why := "of the lowest loss"
		if best.Attacked > 0 {
			why = "of the highest accuracy under attack"
			facts = append(facts, fact{"accuracy under attack", inBest(last.Attacked, best.Attacked, last, best)})
		}
		facts = append(facts,
			fact{"epochs", p.epochs(n)},
			fact{"time of training", fmt.Sprintf("%v, in the last epoch %s images/s",
				r.Time().Round(100*time.Millisecond), graph.Thousands(int(last.ImagesPerSecond)))})
		facts = append(facts, results(p.Part, last.ValLoss,
			inBest(last.ValAccuracy, best.ValAccuracy, last, best)+", "+why)...)
	}
	p.Facts = slices.Concat(facts[:1], p.Facts, facts[1:])
	if len(r.History) > 0 {
		p.Charts, err = drawn(train.Curves(p.Part, r.History))
	}
	return err
}

// epochs says how many there are: of a run that goes on, those that are done.
func (p *page) epochs(done int) string {
	if p.Progress == nil {
		return fmt.Sprint(done)
	}
	return fmt.Sprintf("%d of %d done", done, p.Progress.Epochs)
}

// inBest is a share in the last epoch, and in the best one if that is another.
func inBest(share, atBest float64, last, best train.Epoch) string {
	if best.Epoch == last.Epoch {
		return fmt.Sprintf("%.2f %%", 100*share)
	}
	return fmt.Sprintf("%.2f %%; %.2f %% in epoch %d", 100*share, 100*atBest, best.Epoch)
}

// results are the lines of an evaluation.
func results(part string, loss float64, accuracy string) []fact {
	return []fact{{part + " accuracy", accuracy}, {part + " loss", fmt.Sprintf("%.4f", loss)}}
}

// write writes one of the template's parts: "page", or the "body" alone.
func (p page) write(w io.Writer, part string) error {
	if err := pages.ExecuteTemplate(w, part, p); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

package train

import (
	"fmt"
	"path/filepath"
	"time"

	"tapenet/graph"
	"tapenet/graph/weights"
)

// Record is what a run's folder says of the run, without its weights.
type Record struct {
	Model     string // its name in modelzoo, "" for a network of one's own
	Dataset   string
	Images    int // of the training set
	Batch     int
	Optimizer string
	Schedule  string // "" for a constant learning rate
	Defence   string // "" for none
	Seed      uint64
	History   []Epoch // of the completed epochs

	Parameters  int    // values that training changes; 0 if the checkpoint does not say
	EvaluatedOn string // "test" or "validation", as data.Dataset.TestPart has it; "" if the checkpoint does not say
}

// ReadRecord reads the record of the run in a folder from its checkpoint's
// header, or that of the one before it where it is damaged or gone; it may be called while the run goes on. The error of a folder without
// a checkpoint satisfies errors.Is(err, fs.ErrNotExist).
func ReadRecord(dir string) (Record, error) {
	path := filepath.Join(dir, CheckpointFile)
	meta, err := weights.LoadMetadata(path)
	if previous := filepath.Join(dir, PreviousFile); err != nil {
		if m, e := weights.LoadMetadata(previous); e == nil {
			meta, err, path = m, nil, previous
		}
	}
	if err != nil {
		return Record{}, fmt.Errorf("train: record: %w", err)
	}
	s, err := parseState(meta[stateKey])
	if err != nil {
		return Record{}, fmt.Errorf("train: record: %s is damaged: its metadata %q: %w", path, stateKey, err)
	}
	if s.Parameters < 0 || !s.possible() {
		return Record{}, fmt.Errorf("train: record: %s is damaged: no run can be where it is", path)
	}
	of := s.Settings
	return Record{
		Model: of.text("Model"), Dataset: of.text("Dataset"), Images: of.number("Images"), Batch: of.number("Batch"),
		Optimizer: of.text("Optimizer"), Schedule: of.text("Schedule"), Defence: of.text("Defence"), Seed: of.seed(), History: s.History,
		Parameters: s.Parameters, EvaluatedOn: of.testPart(),
	}, nil
}

// Best is the epoch with the highest Attacked, or where that is not measured with the
// lowest ValLoss, the first of equal ones: the one whose weights BestFile has. Its Epoch is 0 before the first epoch.
func (r Record) Best() (e Epoch) {
	if i := best(r.History); i >= 0 {
		e = r.History[i]
	}
	return e
}

// MostAccurate is the epoch with the highest ValAccuracy, the first of equal ones. Its
// Epoch is 0 before the first epoch.
func (r Record) MostAccurate() (most Epoch) {
	for _, e := range r.History {
		if most.Epoch == 0 || e.ValAccuracy > most.ValAccuracy {
			most = e
		}
	}
	return most
}

// Time is how long the completed epochs trained, evaluation left out.
func (r Record) Time() (sum time.Duration) {
	for _, e := range r.History {
		if e.ImagesPerSecond > 0 {
			sum += time.Duration(float64(r.Images) / e.ImagesPerSecond * float64(time.Second))
		}
	}
	return sum
}

// parameters counts the values of a network that training changes.
func parameters(net *graph.Network) (n int) {
	m, err := net.Model(graph.Infer, 1) // NewNetwork has built it
	if err != nil {
		return 0
	}
	for _, p := range m.Params() {
		n += p.Value.Shape().TotalSize()
	}
	return n
}

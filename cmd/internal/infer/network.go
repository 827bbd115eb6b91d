package infer

import (
	"cmp"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/memory"
	"tapenet/graph/raster"
	"tapenet/infer"
)

// network is what classifies: one model, or several that vote.
type network struct {
	infer.Classifier
	input         [3]int
	classes       []string
	single        *infer.Predictor // nil if there are several
	judges        bool             // a model has a threshold, so that images may be of none of the classes
	preprocessing raster.Preprocessing
	notes         []string // what the files left open
	batch         int      // images that are read, and run through it, together
	maxPixels     int      // of a picture
	pictures      bool     // results keep the pictures themselves
	shown         bool     // results are shown on a terminal
}

// thresholds are those of a model whose pictures may be of several classes, nil for others.
func (n network) thresholds() []float64 {
	if n.single == nil {
		return nil
	}
	return n.single.Thresholds()
}

// mirrored is the network with the mirror image of each picture.
func (n network) mirrored() network {
	n.Classifier = infer.Mirrored{Classifier: n.Classifier, Input: n.input, Classes: n.classes}
	return n
}

// load reads the models of a list with commas, each with the output of that name, ""
// for its first, for batches of so many images; 0 is for as many as is usual.
func load(list, output string, batch int) (network, error) {
	var members []*infer.Predictor
	var notes []string
	judges := false
	for path := range strings.SplitSeq(list, ",") {
		if path == "" {
			return network{}, cli.Usagef("infer: -model %s has an empty name, want names with one comma between them", list)
		}
		p, err := infer.LoadOutput(path, output)
		if err != nil {
			return network{}, err
		}
		notes = append(notes, p.Notes()...)
		members, judges = append(members, p), judges || p.Unknown() != nil
	}
	first := members[0]
	batch = cmp.Or(batch, memory.Batch(first.Input[:]))
	if len(members) == 1 {
		return network{Classifier: first, input: first.Input, classes: first.Classes, single: first, judges: judges, preprocessing: first.Preprocessing(), notes: notes, batch: batch}, nil
	}
	e, err := infer.NewEnsemble(members...)
	if err != nil {
		return network{}, err
	}
	return network{Classifier: e, input: e.Input, classes: e.Classes, judges: judges, preprocessing: first.Preprocessing(), notes: notes, batch: batch}, nil
}

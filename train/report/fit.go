package report

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
)

// Fit is train.Fit that leaves the folder of a run as go run ./cmd/train does: beside
// train.Fit's own files c.Dir has the settings, ConfigFile, from the beginning, and at the
// end the report, File, and the model card, CardFile.
//
// A run that pauses has no report yet. In a group the first rank makes it. An error of
// the report has the Result beside it.
func Fit(ctx context.Context, l graph.Layer, d data.Dataset, c train.Config) (*train.Result, error) {
	if c.Dir == "" {
		return nil, errors.New("report: Fit without Dir, want the folder of the run")
	}
	c.Batch = cmp.Or(c.Batch, 32)
	if c.Optimizer == nil {
		c.Optimizer = train.Adam{}
	}
	s := &settingsOf{config: c, data: d}
	c.Callbacks = slices.Concat([]train.Callback{s}, c.Callbacks)
	res, err := train.Fit(ctx, l, d, c)
	if err != nil || res.Paused || c.Group != nil && c.Group.Rank() > 0 {
		return res, err
	}
	r, err := New(ctx, c.Dir, res.Network, d)
	if err != nil {
		return res, err
	}
	r.Settings(s.listed)
	r.Shared(res.Lanes, res.Ranks, nil)
	return res, errors.Join(r.Save(filepath.Join(c.Dir, File)), r.SaveCard(filepath.Join(c.Dir, CardFile)))
}

// settingsOf writes the settings of a run that begins or goes on.
type settingsOf struct {
	train.Ignore
	config train.Config
	data   data.Dataset
	listed []Setting
}

// Start is the train.Callback's.
func (s *settingsOf) Start(_ *graph.Network, p train.Progress) error {
	s.config.Epochs, s.config.Lanes = p.Epochs, p.Lanes
	c := newConfig(s.config, s.data)
	s.listed = c.listed()
	path := filepath.Join(s.config.Dir, ConfigFile)
	if text, err := os.ReadFile(path); err == nil && !strings.HasPrefix(string(text), fromGo) {
		return nil // the command's, which this run goes on from
	}
	return c.save(path)
}

package train

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/train"
)

// calibrates reports whether the model is to be calibrated at the end.
func (o options) calibrates() bool { return o.calibrate || o.unknown != "" }

// calibration is what -unknown says: a score, with a colon and a share or without.
func (o options) calibration() (c infer.Calibration, err error) {
	if o.unknown == "" {
		return c, nil
	}
	score, share, shared := strings.Cut(o.unknown, ":")
	c.Score = score
	if shared {
		c.Share, err = strconv.ParseFloat(share, 64)
	}
	if err != nil || !slices.Contains(weights.Scores(), score) || shared && !(c.Share > 0 && c.Share <= 1) {
		return c, cli.Usagef("train: -unknown %.64s, want one of %s, with a share above 0 and up to 1 behind a colon or without, as in energy:0.99",
			o.unknown, strings.Join(weights.Scores(), ", "))
	}
	return c, nil
}

// calibrate puts a temperature, and what -unknown asks for, into the model's file.
// They are fitted on the validation part; known images are the training part's.
func calibrate(ctx context.Context, show *display, r prepared) error {
	c, err := show.calibration()
	if err != nil {
		return err
	}
	path := filepath.Join(show.out, train.ModelFile)
	m, err := weights.LoadModel(path)
	if err != nil {
		return err
	}
	p, err := infer.New(r.layer, m)
	if err != nil {
		return err
	}
	c.Known = r.held.Train
	f, err := c.Fit(ctx, p, r.held.Test)
	if err != nil {
		return err
	}
	m.Temperature, m.Unknown = f.Temperature, f.Unknown
	if err := m.Save(path); err != nil {
		return err
	}
	show.printf("calibrated on the %d validation images: temperature %.3f, calibration error %.2f %%, without %.2f %%\n",
		f.Images, f.Temperature, 100*f.After.ECE(), 100*f.Before.ECE())
	if u := f.Unknown; u != nil {
		show.printf("images with a score (%s) below %.4g are none of the classes; %.3g %% of the validation images reach it\n", u.Score, u.Threshold, 100*u.Share)
	}
	return nil
}

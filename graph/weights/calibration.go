package weights

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"gorgonia.org/tensor"
)

// Unknown says when an image is none of a model's classes: when its score is below
// the threshold. Every score is larger for an image that the network knows better.
type Unknown struct {
	// Score is ScoreProbability, ScoreEnergy or ScoreNeighbours.
	Score     string
	Threshold float64

	// Share of held-out images of the classes that reach the threshold, in 0..1, by
	// which it was chosen.
	Share float64

	// Neighbours and Features are for ScoreNeighbours. Features are those of known
	// images, (n,d) in float32, each of length 1 or all 0. The score is the cosine of
	// the angle between the image's features and those that are nearest but for
	// Neighbours-1 others.
	Neighbours int
	Features   *tensor.Dense
}

// The scores for [Unknown].
const (
	ScoreProbability = "probability" // the largest probability (Hendrycks and Gimpel 2017)
	ScoreEnergy      = "energy"      // log Σ exp of the logits, the negative energy (Liu et al. 2020)
	ScoreNeighbours  = "neighbours"  // the cosine to the kth nearest features, in -1..1; Sun et al. 2022 have the distance √(2-2·cos), which gives the same order
)

// Scores lists the names that [Unknown] may have for a score.
func Scores() []string { return []string{ScoreProbability, ScoreEnergy, ScoreNeighbours} }

// The bounds of a model's temperature.
const (
	leastTemperature = 1e-3
	mostTemperature  = 1e3
)

// The bounds of an Unknown's features.
const (
	maxFeatures     = 1 << 16 // images
	maxFeatureWidth = 1 << 20 // numbers of an image
)

// featuresName is the tensor of an Unknown's features in a model's file.
const featuresName = "unknown/features"

// unknown is the JSON of the metadata entry unknown.
type unknown struct {
	Score      string  `json:"score"`
	Threshold  float64 `json:"threshold"`
	Share      float64 `json:"share"`
	Neighbours int     `json:"neighbours,omitempty"`
}

// calibrate adds to a model's file what the model says of its probabilities. A
// model that says nothing of them leaves the file as it is.
func (m Model) calibrate(f *File) error {
	if err := cmp.Or(checkTemperature(m.Temperature), m.checkThresholds()); err != nil {
		return err
	}
	if m.Thresholds != nil {
		text, err := json.Marshal(m.Thresholds)
		if err != nil {
			return err
		}
		f.Metadata["thresholds"] = string(text)
	}
	if m.Temperature != 0 && m.Temperature != 1 {
		f.Metadata["temperature"] = strconv.FormatFloat(m.Temperature, 'g', -1, 64)
	}
	u := m.Unknown
	if u == nil {
		return nil
	}
	if err := u.Check(); err != nil {
		return fmt.Errorf("weights: unknown: %w", err)
	}
	text, err := json.Marshal(unknown{u.Score, u.Threshold, u.Share, u.Neighbours})
	if err != nil {
		return fmt.Errorf("weights: unknown: %w", err)
	}
	f.Metadata["unknown"] = string(text)
	if u.Features != nil {
		tensors := map[string]*tensor.Dense{featuresName: u.Features}
		maps.Copy(tensors, f.Tensors)
		f.Tensors = tensors
	}
	return nil
}

// calibrated reads what calibrate added. The features are no weights.
func (m *Model) calibrated(f File) (err error) {
	if text, ok := f.Metadata["temperature"]; ok {
		m.Temperature, err = strconv.ParseFloat(text, 64)
		if err != nil || m.Temperature == 0 || checkTemperature(m.Temperature) != nil {
			return fmt.Errorf("metadata temperature is %.64q, want a number from %v to %v, or none", text, leastTemperature, mostTemperature)
		}
	}
	if text, ok := f.Metadata["thresholds"]; ok {
		if err := json.Unmarshal([]byte(text), &m.Thresholds); err != nil || m.Thresholds == nil || m.checkThresholds() != nil {
			return fmt.Errorf("metadata thresholds is %.64q, want a JSON list of a number in 0..1 for each class, and no temperature or unknown", text)
		}
	}
	text, ok := f.Metadata["unknown"]
	if !ok {
		return nil
	}
	var u unknown
	if err := json.Unmarshal([]byte(text), &u); err != nil {
		return fmt.Errorf("metadata unknown is %.64q, want score, threshold and share in JSON", text)
	}
	m.Unknown = &Unknown{Score: u.Score, Threshold: u.Threshold, Share: u.Share, Neighbours: u.Neighbours, Features: f.Tensors[featuresName]}
	if m.Unknown.Features != nil {
		m.Tensors = maps.Clone(m.Tensors)
		delete(m.Tensors, featuresName)
	}
	if err := m.Unknown.Check(); err != nil {
		return fmt.Errorf("metadata unknown: %w", err)
	}
	return nil
}

// checkThresholds returns an error unless there is a threshold for each class, or none, and
// nothing that is for one class each.
func (m Model) checkThresholds() error {
	switch {
	case m.Thresholds == nil:
		return nil
	case len(m.Thresholds) != len(m.Classes):
		return fmt.Errorf("weights: %d thresholds for %d classes, want one each", len(m.Thresholds), len(m.Classes))
	case m.Unknown != nil || m.Temperature != 0 && m.Temperature != 1:
		return errors.New("weights: thresholds with a temperature or with unknown images, want one of them")
	}
	for _, t := range m.Thresholds {
		if !(t >= 0 && t <= 1) {
			return fmt.Errorf("weights: threshold %v, want a number in 0..1", t)
		}
	}
	return nil
}

// checkTemperature returns an error unless a temperature can be in a model's file;
// 0 means 1.
func checkTemperature(t float64) error {
	if t != 0 && !(t >= leastTemperature && t <= mostTemperature) {
		return fmt.Errorf("weights: temperature %v, want a number from %v to %v, or 0 for none", t, leastTemperature, mostTemperature)
	}
	return nil
}

// Check returns an error unless u can be applied.
func (u *Unknown) Check() error {
	switch {
	case u == nil:
		return fmt.Errorf("no score, want one of %q", Scores())
	case !slices.Contains(Scores(), u.Score):
		return fmt.Errorf("score %.64q, want one of %q", u.Score, Scores())
	case math.IsNaN(u.Threshold) || math.IsInf(u.Threshold, 0):
		return fmt.Errorf("threshold %v, want a finite number", u.Threshold)
	case !(u.Share >= 0 && u.Share <= 1):
		return fmt.Errorf("share %v, want a number in 0..1", u.Share)
	case u.Score == ScoreNeighbours:
		return u.checkFeatures()
	case u.Features != nil || u.Neighbours != 0:
		return fmt.Errorf("score %s with features or %d neighbours, want them for %s alone", u.Score, u.Neighbours, ScoreNeighbours)
	}
	return nil
}

func (u *Unknown) checkFeatures() error {
	t := u.Features
	if t == nil {
		return fmt.Errorf("score %s without the tensor %s, want the features of known images in it", u.Score, featuresName)
	}
	s := t.Shape()
	if len(s) != 2 || t.Dtype() != tensor.Float32 || s[0] < 1 || s[0] > maxFeatures || s[1] < 1 || s[1] > maxFeatureWidth {
		return fmt.Errorf("the tensor %s is %v of %v, want (images,features) of float32, at most (%d,%d)", featuresName, s, t.Dtype(), maxFeatures, maxFeatureWidth)
	}
	if u.Neighbours < 1 || u.Neighbours > s[0] {
		return fmt.Errorf("%d neighbours of %d images, want 1 to as many", u.Neighbours, s[0])
	}
	if slices.ContainsFunc(t.Float32s(), func(v float32) bool { return v-v != 0 }) {
		return errors.New("the tensor " + featuresName + " has a number that is not finite, want all finite")
	}
	return nil
}

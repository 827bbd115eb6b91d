package robust

import (
	"fmt"

	"tapenet/graph/bound"
	"tapenet/graph/metric"
)

// Certificates are what no adversary can break, unlike [Attacks], which are what those
// that were tried could not.
type Certificates struct {
	Interval  *Verified `json:"interval,omitempty"`
	Smoothing *Smoothed `json:"smoothing,omitempty"`
}

// Verified is what interval bounds prove: images that are right and stay so whatever is
// done to their pixels within a distance in L∞.
type Verified struct {
	Epsilon float64   `json:"epsilon"`
	Score             // images that are proven right at Epsilon
	Error   float64   `json:"error"` // the others' share, the verified error
	At      []float64 `json:"at"`    // distances up to Epsilon
	Proven  []float64 `json:"proven"`
}

// Smoothed is what randomized smoothing certifies. The images are few, as each takes
// many predictions.
type Smoothed struct {
	Sigma     float64 `json:"sigma"`
	Samples   int     `json:"samples"` // noisy images that are counted for each image
	Choice    int     `json:"choice"`  // and that choose its class
	Alpha     float64 `json:"alpha"`   // probability that a certificate is wrong
	Images    int     `json:"images"`
	Abstained int     `json:"abstained"` // images without an answer
	Largest   float64 `json:"largest"`   // radius that so many samples can certify

	At       []float64 `json:"at"`       // radii in L2
	Accuracy []float64 `json:"accuracy"` // images that are right and certified at least so far
}

const (
	certified      = 50   // images, without a Limit
	usualSigma     = 0.25 // of the noise
	usualCertified = 1000 // noisy images
)

func certificateItems([3]int) []item {
	return []item{
		{group: "certificates", name: "interval", cost: func(m *meter) int { return 10 * len(m.images) }, run: (*meter).interval},
		{group: "certificates", name: "smoothing", cost: func(m *meter) int {
			s := m.config.smoothing()
			return (s.Choice + s.Samples) * m.certified()
		}, run: (*meter).smoothing},
	}
}

// certified is the number of images that are certified.
func (m *meter) certified() int { return m.config.images(len(m.images), certified) }

// smoothing is the config's with its defaults.
func (c Config) smoothing() Smoothing {
	s := c.Smoothing
	if s.Sigma == 0 {
		s.Sigma = usualSigma
	}
	if s.Samples == 0 {
		s.Samples = usualCertified
	}
	if s.Choice == 0 {
		s.Choice = 100
	}
	if s.Alpha == 0 {
		s.Alpha = 0.001
	}
	if s.Seed == 0 {
		s.Seed = c.Seed
	}
	return s
}

// certificates is the report's part, made when it is first needed.
func (m *meter) certificates() *Certificates {
	if m.report.Certificates == nil {
		m.report.Certificates = &Certificates{}
	}
	return m.report.Certificates
}

// interval proves what it can at several distances, each half of the next.
func (m *meter) interval() error {
	if m.config.Norm != 0 {
		return skipped{"interval bounds are for L∞ alone"}
	}
	if len(m.p.Classes) < 2 {
		return skipped{oneClass}
	}
	n := m.p.Network()
	v, err := bound.Options{MaxMemory: available()}.New(n.Layer, n.Weights, n.Input, n.Normalisation)
	if err != nil {
		return skipped{err.Error()}
	}
	r := &Verified{Epsilon: m.config.epsilon}
	for halvings := 5; halvings >= 0; halvings-- {
		epsilon := r.Epsilon / float64(int(1)<<halvings)
		margins, err := v.Margins(m.ctx, m.images, m.classes, epsilon)
		if stopped := m.stopped(); err != nil && stopped != nil {
			return stopped
		}
		if err != nil {
			return fmt.Errorf("robust: %w", err)
		}
		proven := 0
		for _, margin := range margins {
			if margin > 0 {
				proven++
			}
		}
		r.Score = newScore(proven, len(margins))
		r.At, r.Proven = append(r.At, epsilon), append(r.Proven, r.Accuracy)
		m.advance(len(m.images))
	}
	r.Error = 1 - r.Accuracy
	m.certificates().Interval = r
	return nil
}

// smoothing certifies the first images.
func (m *meter) smoothing() error {
	s := m.config.smoothing()
	n := m.certified()
	all, err := s.Certify(m.ctx, m.p, m.images[:n])
	if stopped := m.stopped(); err != nil && stopped != nil {
		return stopped
	}
	if err != nil {
		return err
	}
	r := &Smoothed{Sigma: s.Sigma, Samples: s.Samples, Choice: s.Choice, Alpha: s.Alpha, Images: n}
	r.Largest = metric.SmoothedRadius(s.Sigma, metric.LowerProbability(s.Samples, s.Samples, s.Alpha))
	for k := range 5 {
		radius, right := float64(k)*s.Sigma, 0
		for i, c := range all {
			if c.Class == m.classes[i] && c.Radius >= radius {
				right++
			}
		}
		r.At, r.Accuracy = append(r.At, radius), append(r.Accuracy, newScore(right, n).Accuracy)
	}
	for _, c := range all {
		if c.Abstained() {
			r.Abstained++
		}
	}
	m.certificates().Smoothing = r
	return nil
}

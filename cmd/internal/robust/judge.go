package robust

import (
	"fmt"

	"tapenet/infer/robust"
)

// The sections of what has no picture: attacks' figures, probabilities, unknown inputs.

// attackSection has a row for each attack. One network has columns of what the attack
// did, too.
func attackSection(r result) section {
	s := section{Head: names(r)}
	first := r.Models[0].Report.Attacks
	if first == nil {
		return s
	}
	s.Title = fmt.Sprintf("attacks within %s %g", normName(first.Norm), first.Epsilon)
	single := len(r.Models) == 1
	if single {
		s.Head = []string{"accuracy", "8 bits", "confirmed", "queries", "gradients"}
		s.Note = "8 bits: of the pictures as a file has them; confirmed: successes that a plain prediction of the picture confirms; queries: of an image, and gradients among them"
	}
	for k, a := range first.Attacks {
		if single {
			s.Rows = append(s.Rows, row{Name: a.Name, Cells: []cell{
				share(a.Accuracy), share(a.Saved), figure("%d of %d", a.Confirmed, a.Found), figure("%.0f", a.Queries), figure("%.0f", a.Gradients)}})
			continue
		}
		s.Rows = append(s.Rows, each(r, a.Name, func(r *robust.Report) cell {
			if r.Attacks == nil || k >= len(r.Attacks.Attacks) {
				return none()
			}
			return share(r.Attacks.Attacks[k].Accuracy)
		}))
	}
	if len(first.Attacks) > 1 {
		worst := each(r, "after all of them", func(r *robust.Report) cell {
			if r.Attacks == nil {
				return none()
			}
			return share(r.Attacks.Worst.Accuracy)
		})
		worst.Sum = true
		for len(worst.Cells) < len(s.Head) {
			worst.Cells = append(worst.Cells, cell{"", -1})
		}
		s.Rows = append(s.Rows, worst)
	}
	return s
}

func normName(norm string) string {
	if norm == "linf" {
		return "L∞"
	}
	return "L2"
}

// warnings are what attacks say against their own figures.
func warnings(r result) (all []string) {
	for _, m := range r.Models {
		if m.Report.Attacks == nil {
			continue
		}
		for _, a := range m.Report.Attacks.Attacks {
			for _, w := range a.Warnings {
				all = append(all, fmt.Sprintf("%s: %s: %s", m.Model, a.Name, w))
			}
		}
	}
	return all
}

// certificateSection has what is proven.
func certificateSection(r result) section {
	s := section{Head: names(r)}
	first := r.Models[0].Report.Certificates
	if first == nil {
		return s
	}
	s.Title = "certificates: right, and proven to stay so"
	of := func(name string, v func(c *robust.Certificates) cell) {
		s.Rows = append(s.Rows, each(r, name, func(r *robust.Report) cell {
			if r.Certificates == nil {
				return none()
			}
			return v(r.Certificates)
		}))
	}
	if f := first.Interval; f != nil {
		for k := range f.At {
			of(fmt.Sprintf("interval bounds, L∞ %.3g", f.At[k]), func(c *robust.Certificates) cell {
				if c.Interval == nil {
					return none()
				}
				return share(c.Interval.Proven[k])
			})
		}
	}
	if f := first.Smoothing; f != nil {
		s.Note = fmt.Sprintf("smoothing: noise σ %g; %d samples of each of %d images, which certify a radius of %.2g at most, wrongly with probability %g", f.Sigma, f.Samples, f.Images, f.Largest, f.Alpha)
		for k := range f.At {
			of(fmt.Sprintf("smoothing, L2 radius %.3g", f.At[k]), func(c *robust.Certificates) cell {
				if c.Smoothing == nil {
					return none()
				}
				return share(c.Smoothing.Accuracy[k])
			})
		}
	}
	return s
}

func calibrationSection(r result) section {
	s := section{Head: names(r)}
	first := r.Models[0].Report.Calibration
	if first == nil {
		return s
	}
	s.Title = fmt.Sprintf("calibration, %d images", first.Images)
	of := func(name string, v func(c *robust.Calibration) cell) {
		s.Rows = append(s.Rows, each(r, name, func(r *robust.Report) cell {
			if r.Calibration == nil {
				return none()
			}
			return v(r.Calibration)
		}))
	}
	fitted := func(v func(f *robust.Fitted) cell) func(c *robust.Calibration) cell {
		return func(c *robust.Calibration) cell {
			if c.Fitted == nil {
				return none()
			}
			return v(c.Fitted)
		}
	}
	of("accuracy", func(c *robust.Calibration) cell { return share(c.Accuracy) })
	of("mean confidence", func(c *robust.Calibration) cell { return figure("%.1f", 100*c.Confidence) })
	of("ECE", func(c *robust.Calibration) cell { return figure("%.2f", 100*c.ECE) })
	of("largest error of a bin", func(c *robust.Calibration) cell { return figure("%.1f", 100*c.MCE) })
	of("-log likelihood", func(c *robust.Calibration) cell { return figure("%.4f", c.NLL) })
	of("temperature of the model", func(c *robust.Calibration) cell { return figure("%.3g", c.Temperature) })
	of("temperature that fits", fitted(func(f *robust.Fitted) cell { return figure("%.3g", (f.Temperatures[0]+f.Temperatures[1])/2) }))
	of("ECE with it", fitted(func(f *robust.Fitted) cell { return figure("%.2f", 100*f.ECE) }))
	return s
}

func unknownSection(r result) section {
	s := section{Head: names(r)}
	first := r.Models[0].Report.Unknown
	if len(first) == 0 {
		return s
	}
	single := len(r.Models) == 1
	s.Title = fmt.Sprintf("unknown inputs, %d images of the classes against others", first[0].Known)
	s.Note = "AUROC: how often an image of a class has the larger score, in %"
	if single {
		s.Head = []string{"AUROC", "pass at 95 %", "images"}
		s.Note += "; pass: the others that a threshold lets through which 95 % of the images pass"
	}
	for i, u := range first {
		for k, d := range u.Scores {
			name := u.Name + ", by " + d.Name
			if single {
				s.Rows = append(s.Rows, row{Name: name, Cells: []cell{share(d.AUROC), figure("%.1f", 100*d.FPR), figure("%d", u.Images)}})
				continue
			}
			s.Rows = append(s.Rows, each(r, name, func(r *robust.Report) cell {
				if i >= len(r.Unknown) || k >= len(r.Unknown[i].Scores) {
					return none()
				}
				return share(r.Unknown[i].Scores[k].AUROC)
			}))
		}
	}
	return s
}

// attackChart is the accuracy over the distance, nil without one.
func attackChart(r result) []chart {
	first := r.Models[0].Report.Attacks
	if first == nil || first.Curve == nil {
		return nil
	}
	a := axis{0, first.Epsilon}
	c := newChart("attack by pgd", "distance ε, "+normName(first.Norm), a.from, a.to, "")
	for i, m := range r.Models {
		if m.Report.Attacks != nil && m.Report.Attacks.Curve != nil {
			g := m.Report.Attacks.Curve
			c.add(names(r)[i], i, a, g.At, g.Accuracy, func(at float64) string { return fmt.Sprintf("ε %.3g", at) })
		}
	}
	return []chart{c}
}

// certificateChart is what interval bounds prove over the distance, nil without them.
func certificateChart(r result) []chart {
	first := r.Models[0].Report.Certificates
	if first == nil || first.Interval == nil || first.Interval.Epsilon == 0 {
		return nil
	}
	a := axis{0, first.Interval.Epsilon}
	c := newChart("proven by interval bounds", "distance ε, L∞", a.from, a.to, "")
	for i, m := range r.Models {
		if m.Report.Certificates != nil && m.Report.Certificates.Interval != nil {
			v := m.Report.Certificates.Interval
			c.add(names(r)[i], i, a, v.At, v.Proven, func(at float64) string { return fmt.Sprintf("ε %.3g", at) })
		}
	}
	return []chart{c}
}

// reliabilityChart is the accuracy over the confidence, which is the ideal's diagonal.
func reliabilityChart(r result) []chart {
	if r.Models[0].Report.Calibration == nil {
		return nil
	}
	a := axis{0, 1}
	c := newChart("reliability", "largest probability, mean of each bin", a.from, a.to, "")
	c.Diagonal = fmt.Sprintf("%s,%s %s,%s", a.x(0), height(0), a.x(1), height(1))
	for i, m := range r.Models {
		if m.Report.Calibration == nil {
			continue
		}
		var at, accuracy []float64
		var counts []int
		for _, b := range m.Report.Calibration.Bins {
			if b.Count > 0 {
				at, accuracy, counts = append(at, b.Confidence), append(accuracy, b.Accuracy), append(counts, b.Count)
			}
		}
		k := 0
		c.add(names(r)[i], i, a, at, accuracy, func(at float64) string {
			k++
			return fmt.Sprintf("confidence %.1f %%, %d images", 100*at, counts[k-1])
		})
	}
	return []chart{c}
}

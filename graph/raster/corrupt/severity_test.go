package corrupt

import "testing"

// uneven are the corruptions whose published severities do not grow: they change
// direction (spatter from water to mud, saturate from less to more colour), or
// more of one parameter comes with less of another one.
var uneven = map[string]bool{
	"common/spatter": true, "common/saturate": true, "common/elastic_transform": true,
	"common/glass_blur": true, "common/motion_blur": true, "common/snow": true,
	"common/frost":    true,
	"common/pixelate": true, // half the size hits the pixels
}

// TestSeverity: the mean distance from the original grows from severity to
// severity, over several pictures and seeds.
func TestSeverity(t *testing.T) {
	for _, c := range all() {
		if uneven[c.String()] {
			continue
		}
		pictures := digits(t)
		if c.Set == "common" {
			pictures = []Picture{colours()}
		}
		last := 0.0
		for severity := 1; severity <= 5; severity++ {
			d, seeds := 0.0, 20
			if !c.Random {
				seeds = 1
			}
			for i, p := range pictures {
				for seed := range seeds {
					d += distance(p, c.Apply(p, severity, Seed(uint64(i), seed)))
				}
			}
			if d /= float64(seeds * len(pictures)); d <= last {
				t.Errorf("%s: mean distance %.3f of 255 at severity %d, %.3f at %d, want it to grow", c, d, severity, last, severity-1)
			} else {
				last = d
			}
		}
	}
}

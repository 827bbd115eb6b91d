package show

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// placeLegend puts the legend of p, which has the lines of c and is drawn on
// canvas, into the corner where it covers least of them.
func (c Chart) placeLegend(p *plot.Plot, canvas draw.Canvas) {
	frame := p.DataCanvas(canvas)
	points := c.points(p, frame)
	size := p.Legend.Rectangle(frame).Size()
	least := len(points) + 1
	for _, corner := range []struct{ top, left bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		box := vg.Rectangle{Min: frame.Min, Max: frame.Min.Add(size)}
		if !corner.left {
			box.Min.X, box.Max.X = frame.Max.X-size.X, frame.Max.X
		}
		if corner.top {
			box.Min.Y, box.Max.Y = frame.Max.Y-size.Y, frame.Max.Y
		}
		covered := 0
		for _, at := range points {
			if at.X >= box.Min.X && at.X <= box.Max.X && at.Y >= box.Min.Y && at.Y <= box.Max.Y {
				covered++
			}
		}
		if covered < least {
			least, p.Legend.Top, p.Legend.Left = covered, corner.top, corner.left
		}
	}
}

// points are places on the lines, where they are drawn in the frame: so many
// between two of a line's points that a legend which lies between these is seen
// to cover the line.
func (c Chart) points(p *plot.Plot, frame draw.Canvas) (points []vg.Point) {
	const parts = 20
	x, y := p.Transforms(&frame)
	for _, l := range c.Lines {
		for k := range l.X {
			next := min(k+1, len(l.X)-1)
			for part := range parts {
				to := float64(part) / parts
				points = append(points, vg.Point{
					X: x((1-to)*l.X[k] + to*l.X[next]),
					Y: y((1-to)*l.Y[k] + to*l.Y[next]),
				})
			}
		}
	}
	return points
}

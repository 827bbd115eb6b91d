package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

// Cost is what ops ask of a forward run.
type Cost struct {
	Elements int // of all their values
	MulAdds  int // multiply-adds of products and convolutions
	Pooled   int // pixels of all windows of poolings
}

// The most that a network from a file may ask for, for each sample: a small file can ask
// for hours. The largest classifiers of photographs are far below: torchvision's vit_h_14 at
// 518×518 pixels has 1.02e12 multiply-adds and by estimate 2³³ elements, its
// regnet_y_128gf at 384×384 has 3.7e11 multiply-adds. At the bounds a sample takes minutes.
const (
	maxElements = 1 << 34
	maxMulAdds  = 1 << 43
	maxPooled   = 1 << 33
)

// CostOf is the cost of one op; that of other packages' ops is their value's size alone.
func CostOf(y *gorgonia.Node) Cost {
	c := Cost{Elements: y.Shape().TotalSize()}
	if o, ok := y.Op().(interface{ cost() (mulAdds, pooled int) }); ok {
		c.MulAdds, c.Pooled = o.cost()
	}
	return c
}

func (f *forward[T]) cost() (mulAdds, pooled int) { return f.mulAdds, f.pooled }

// Plus is the sum.
func (c Cost) Plus(d Cost) Cost {
	return Cost{c.Elements + d.Elements, c.MulAdds + d.MulAdds, c.Pooled + d.Pooled}
}

// Minus is what came after d.
func (c Cost) Minus(d Cost) Cost {
	return Cost{c.Elements - d.Elements, c.MulAdds - d.MulAdds, c.Pooled - d.Pooled}
}

// Check returns an error if the cost is more than any network's, for so many samples.
func (c Cost) Check(samples int) error {
	for _, of := range []struct {
		has, most int
		what      string
	}{
		{c.Elements, maxElements, "elements of all values"},
		{c.MulAdds, maxMulAdds, "multiply-adds"},
		{c.Pooled, maxPooled, "pixels of all windows of poolings"},
	} {
		if n := of.has / samples; n > of.most {
			return fmt.Errorf("%d %s a sample so far, want at most %d", n, of.what, of.most)
		}
	}
	return nil
}

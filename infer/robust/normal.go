package robust

import "math"

// normals draws normal numbers by the ziggurat method (Marsaglia and Tsang 2000) in
// float64, from a counter: equal keys give equal numbers on every machine but for one that
// rounds math.Exp or math.Log otherwise, which matters for about one number in a million.
//
// The density exp(-x²/2) is covered by 256 layers of one area, each a rectangle but for the
// lowest, which has the tail. A number is a uniform one within the rectangle of a layer, and
// in 99 of 100 cases that is under the curve wherever it lies. One multiplication does
// for it.
type normals struct{ state uint64 }

const (
	zigLayers = 256
	zigRight  = 3.6541528853610088  // where the tail begins
	zigArea   = 0.00492867323399708 // of each layer: that of the lowest rectangle and the tail
)

// zigX are the right ends of the layers, the lowest first: its end is that of a rectangle
// with the tail's area too. zigF are the curve's values there.
var zigX, zigF = func() (x, f [zigLayers + 1]float64) {
	x[1], f[1] = zigRight, bell(zigRight)
	x[0] = zigArea / f[1]
	for i := 1; i < zigLayers-1; i++ {
		f[i+1] = f[i] + zigArea/x[i]
		x[i+1] = math.Sqrt(-2 * math.Log(f[i+1]))
	}
	f[zigLayers] = 1
	return x, f
}()

func bell(x float64) float64 { return math.Exp(-x * x / 2) }

// newNormals begins the stream of a key of three numbers.
func newNormals(seed, image, sample uint64) normals {
	return normals{scatter(scatter(scatter(seed)+image) + sample)}
}

// scatter is the output function of SplitMix64 (Steele, Lea and Flood 2014).
func scatter(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (n *normals) bits() uint64 {
	n.state += 0x9e3779b97f4a7c15
	return scatter(n.state)
}

// uniform is from 0, below 1.
func (n *normals) uniform() float64 { return float64(n.bits()>>11) * 0x1p-53 }

// next is a normal number.
func (n *normals) next() float64 {
	for {
		b := n.bits()
		layer := b & (zigLayers - 1)
		x := float64(int64(b)>>9) * 0x1p-54 * zigX[layer] // 55 bits, of which the layer's are none
		if math.Abs(x) < zigX[layer+1] {
			return x
		}
		if layer == 0 {
			return math.Copysign(n.tail(), x)
		}
		if zigF[layer]+(zigF[layer+1]-zigF[layer])*n.uniform() < bell(x) {
			return x
		}
	}
}

// tail is a number beyond zigRight (Marsaglia 1964).
func (n *normals) tail() float64 {
	for {
		x := -math.Log(1-n.uniform()) / zigRight
		y := -math.Log(1 - n.uniform())
		if 2*y >= x*x {
			return zigRight + x
		}
	}
}

package program

import "testing"

// joinCases show which operands lie in what joins them.
var joinCases = []passCase{
	{"in place", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		joined := n.concat(n.conv(x, convolution{filters: 16}), n.conv(x, convolution{filters: 24, kernel: 3}))
		return results(n.conv(joined, convolution{filters: 8, kernel: 3}))
	}},
	{"borders of all readers", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		a := n.conv(x, convolution{filters: 16})
		joined := n.concat(a, n.conv(x, convolution{filters: 24}))
		return results(n.product(n.conv(joined, convolution{filters: 8}), n.conv(a, convolution{filters: 8, kernel: 5})))
	}},
	{"dense block", func(n *net[float32]) []*Value[float32] {
		x := n.relu(n.conv(n.input(1, 16, 8, 8), convolution{filters: 16}))
		values := []*Value[float32]{x}
		for range 3 {
			y := n.conv(n.relu(n.concat(values...)), convolution{filters: 8, kernel: 3})
			values = append(values, y)
		}
		return results(n.relu(n.concat(values...)))
	}},
	{"joined again", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		a, b, c := n.conv(x, convolution{filters: 8}), n.conv(x, convolution{filters: 16}), n.conv(x, convolution{filters: 24})
		return results(n.relu(n.concat(c, n.concat(a, b))))
	}},
	{"odd channels", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		a, b, c := n.conv(x, convolution{filters: 24}), n.conv(x, convolution{filters: 20}), n.conv(x, convolution{filters: 8})
		return results(n.relu(n.concat(a, b, c)))
	}},
	{"tight reader", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 26, 26)
		a := n.conv(x, convolution{filters: 16})
		return results(n.relu(n.concat(a, n.conv(x, convolution{filters: 24}))), n.conv(a, convolution{filters: 16, kernel: 3}))
	}},
	{"tight reader of the whole", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 26, 26)
		joined := n.concat(n.conv(x, convolution{filters: 16}), n.conv(x, convolution{filters: 24}))
		return results(n.conv(joined, convolution{filters: 16, kernel: 3}))
	}},
	{"twice", func(n *net[float32]) []*Value[float32] {
		a := n.conv(n.input(1, 16, 8, 8), convolution{filters: 16})
		return results(n.relu(n.concat(a, a)))
	}},
	{"input", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		return results(n.relu(n.concat(x, n.conv(x, convolution{filters: 16}))))
	}},
	{"operand of two", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		a, b, c := n.conv(x, convolution{filters: 8}), n.conv(x, convolution{filters: 16}), n.conv(x, convolution{filters: 24})
		return results(n.relu(n.concat(a, b)), n.relu(n.concat(b, c)))
	}},
	{"operand that is a result", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		a := n.conv(x, convolution{filters: 8})
		return results(a, n.relu(n.concat(a, n.conv(x, convolution{filters: 16}))))
	}},
	{"result", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		return results(n.concat(n.conv(x, convolution{filters: 8}), n.conv(x, convolution{filters: 16})))
	}},
	{"planes", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		return results(n.relu(n.concat(x, n.relu(x))))
	}},
}

func TestJoin(t *testing.T) {
	checkGoldens(t, "join", Options{Inference: true, NoFusion: true, Unplaced: true}, joinCases)
}

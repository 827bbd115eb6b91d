package topology

import (
	"encoding/json"
	"errors"
	"fmt"
)

// operators are the functions of two operands that a network may have in place of
// layers, as x·2 in Python becomes one: by the class that Keras 3 gives them, and by
// the function that a TFOpLambda of Keras 2 calls. Operands may be numbers.
var operators = map[string]func(*builder, *node, []value) value{
	"Add": addNode(1), "Subtract": addNode(-1), "Multiply": mulNode(false), "Divide": mulNode(true), "TrueDivide": mulNode(true),
	"__operators__.add": addNode(1), "math.add": addNode(1), "math.subtract": addNode(-1),
	"math.multiply": mulNode(false), "math.truediv": mulNode(true), "math.divide": mulNode(true),
}

// operator returns the function that a step is, nil if it is a layer.
func (s step) operator() (merge, error) {
	name := s.Class
	if name == "TFOpLambda" {
		name = s.config.Function
	} else if merges[name] != nil && len(s.numbers) == 0 {
		return nil, nil
	}
	f, ok := operators[name]
	switch {
	case !ok && s.Class == "TFOpLambda":
		return nil, fmt.Errorf("the function %.64q is not supported", name)
	case !ok && len(s.numbers) > 0:
		return nil, errors.New("a number is an input, want layers alone")
	case !ok:
		return nil, nil
	case len(s.inputs)+len(s.numbers) != 2:
		return nil, fmt.Errorf("%d operands, want two", len(s.inputs)+len(s.numbers))
	}
	return func(b *builder, in []value) value {
		var all []value
		for i := range 2 {
			if c, ok := s.numbers[i]; ok {
				all = append(all, value{constant: c})
			} else {
				all, in = append(all, in[0]), in[1:]
			}
		}
		return f(b, nil, all)
	}, nil
}

// literal reads a number, or numbers in lists, as an operand.
func literal(text json.RawMessage) (*Array, bool) {
	var v any
	if json.Unmarshal(text, &v) != nil {
		return nil, false
	}
	if object, ok := v.(map[string]any); ok { // NumPy's, in Keras 3
		config, _ := object["config"].(map[string]any)
		if class := object["class_name"]; class != "__numpy__" && class != "__tensor__" {
			return nil, false
		}
		v = config["value"]
	}
	a := &Array{}
	for w := v; ; {
		list, ok := w.([]any)
		if !ok {
			break
		}
		if len(list) == 0 || len(a.Shape) == 4 {
			return nil, false
		}
		a.Shape = append(a.Shape, len(list))
		w = list[0]
	}
	return a, a.add(v, a.Shape)
}

// add adds the numbers of lists of a shape.
func (a *Array) add(v any, shape []int) bool {
	if len(shape) == 0 {
		x, ok := v.(float64)
		a.Values = append(a.Values, float32(x))
		return ok
	}
	list, _ := v.([]any)
	if len(list) != shape[0] {
		return false
	}
	for _, w := range list {
		if !a.add(w, shape[1:]) {
			return false
		}
	}
	return true
}

package main

// many has so many methods that its instances and the interfaces make more itabs than the runtime has places for at first.
type many[T any] struct{ value T }

func (many[T]) M0()  {}
func (many[T]) M1()  {}
func (many[T]) M2()  {}
func (many[T]) M3()  {}
func (many[T]) M4()  {}
func (many[T]) M5()  {}
func (many[T]) M6()  {}
func (many[T]) M7()  {}
func (many[T]) M8()  {}
func (many[T]) M9()  {}
func (many[T]) M10() {}
func (many[T]) M11() {}
func (many[T]) M12() {}
func (many[T]) M13() {}
func (many[T]) M14() {}
func (many[T]) M15() {}
func (many[T]) M16() {}
func (many[T]) M17() {}
func (many[T]) M18() {}
func (many[T]) M19() {}
func (many[T]) M20() {}

type has0 interface{ M0() }
type has1 interface{ M1() }
type has2 interface{ M2() }
type has3 interface{ M3() }
type has4 interface{ M4() }
type has5 interface{ M5() }
type has6 interface{ M6() }
type has7 interface{ M7() }
type has8 interface{ M8() }
type has9 interface{ M9() }
type has10 interface{ M10() }
type has11 interface{ M11() }
type has12 interface{ M12() }
type has13 interface{ M13() }
type has14 interface{ M14() }
type has15 interface{ M15() }
type has16 interface{ M16() }
type has17 interface{ M17() }
type has18 interface{ M18() }
type has19 interface{ M19() }
type has20 interface{ M20() }

func meet[T any]() {
	var x any = many[T]{}
	_ = x.(has0)
	_ = x.(has1)
	_ = x.(has2)
	_ = x.(has3)
	_ = x.(has4)
	_ = x.(has5)
	_ = x.(has6)
	_ = x.(has7)
	_ = x.(has8)
	_ = x.(has9)
	_ = x.(has10)
	_ = x.(has11)
	_ = x.(has12)
	_ = x.(has13)
	_ = x.(has14)
	_ = x.(has15)
	_ = x.(has16)
	_ = x.(has17)
	_ = x.(has18)
	_ = x.(has19)
	_ = x.(has20)
}

// makeItabs makes one of each.
func makeItabs() {
	meet[int]()
	meet[int8]()
	meet[int16]()
	meet[int32]()
	meet[int64]()
	meet[uint]()
	meet[uint8]()
	meet[uint16]()
	meet[uint32]()
	meet[uint64]()
	meet[float32]()
	meet[float64]()
	meet[string]()
	meet[bool]()
	meet[complex64]()
	meet[complex128]()
	meet[[]int]()
	meet[[]string]()
	meet[*int]()
	meet[*string]()
	meet[any]()
}

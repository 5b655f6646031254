package authn

import "container/list"

// lru keeps the values used last, at most size of them. Its owner locks.
type lru[K comparable, V any] struct {
	size  int
	order *list.List // newest first; elements hold *entry[K, V]
	index map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](size int) *lru[K, V] {
	return &lru[K, V]{size: size, order: list.New(), index: map[K]*list.Element{}}
}

func (l *lru[K, V]) get(k K) (v V, ok bool) {
	e, ok := l.index[k]
	if !ok {
		return v, false
	}
	l.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

func (l *lru[K, V]) put(k K, v V) {
	if e, ok := l.index[k]; ok {
		e.Value.(*entry[K, V]).value = v
		l.order.MoveToFront(e)
		return
	}
	l.index[k] = l.order.PushFront(&entry[K, V]{k, v})
	if l.order.Len() > l.size {
		oldest := l.order.Remove(l.order.Back()).(*entry[K, V])
		delete(l.index, oldest.key)
	}
}

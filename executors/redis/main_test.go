package redis_test

import (
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/redis"
)

func TestMain(m *testing.M) { executortest.Main(m, redis.Catalogue()) }

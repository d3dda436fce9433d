-- One round of work for every part of the interpreter that an edit touches, returning a checksum that no edit changes.
-- It must not depend on the order of pairs, on addresses or on messages.
local function collected(n)
  local weak = setmetatable({}, { __mode = "v" })
  local kept, finalized = {}, 0
  for i = 1, n do
    local node = setmetatable({ i, tostring(i), { i } }, { __gc = function() finalized = finalized + 1 end })
    weak[i] = node
    if i % 3 == 0 then kept[#kept + 1] = node end
  end
  collectgarbage("generational")
  collectgarbage()
  collectgarbage("incremental")
  for _ = 1, 20 do collectgarbage("step", 10) end
  collectgarbage()
  local sum = 0
  for _, node in ipairs(kept) do sum = sum + node[1] + #node[2] + node[3][1] end
  return sum + n - #kept
end

local function strings(n)
  local parts = {}
  for i = 1, n do
    parts[#parts + 1] = ("%d:%s:%5.2f"):format(i, ("ab"):rep(i % 5 + 1, "-"), i / 4):upper():reverse()
  end
  local all = table.concat(parts, ",")
  local sum = 0
  for word in all:gmatch("[%w%-]+") do sum = (sum * 31 + #word + word:byte(1)) % 1000000007 end
  local replaced, count = all:gsub("(%d)(%u)", "%2%1")
  return sum + #replaced + count + (all:find("9", 1, true) or 0)
end

local function coroutines(n)
  local function walk(depth)
    if depth > 0 then
      walk(depth - 1)
      coroutine.yield(depth)
      walk(depth - 1)
    end
  end
  local sum = 0
  for i = 1, n do
    for depth in coroutine.wrap(function() walk(i % 6 + 1) end) do sum = sum + depth * i end
  end
  return sum
end

local function closures(n)
  local made = {}
  for i = 1, n do
    local count = i
    made[i] = function(step) count = count + step; return function() return count end end
  end
  local sum = 0
  for i = 1, n do
    local read = made[i](i)
    made[i](1)
    sum = sum + read()
  end
  return sum
end

local function errors(n)
  local sum = 0
  for i = 1, n do
    local ok, raised = pcall(function(limit)
      for j = 1, limit, 1 do if j == i % 7 + 1 then error({ j }, 0) end end
      return limit
    end, 7)
    sum = sum + (ok and raised or raised[1])
    local _, message = xpcall(string.rep, function(m) return #m > 0 and i or 0 end)
    sum = sum + message
  end
  return sum
end

local function sorted(n)
  local values, seed = {}, 12345
  for i = 1, n do
    seed = (seed * 1103515245 + 12345) % 2147483648
    values[i] = seed % 1000 + i / n
  end
  table.sort(values, function(a, b) return a > b end)
  local sum = 0
  for i = 1, n do sum = (sum * 7 + math.floor(values[i] * n)) % 1000000007 end
  return sum
end

local function compiled(n)
  local sum = 0
  for i = 1, n do
    local source = ("local a, b = %d, 2.5; local t = {x = a}; return (t.x << 2) + a // 3 - b * 2"):format(i)
    sum = sum + load(source)()
  end
  return sum
end

return function()
  return collected(300) + strings(120) + coroutines(40) + closures(200) + errors(60) + sorted(300) + compiled(40)
end

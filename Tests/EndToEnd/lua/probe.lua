-- Prints every behaviour that some edit changes, in a form that depends on neither addresses, time nor environment.
-- What an update has not brought yet shows as the interpreter's own error message.
local libraries = dofile("reopen.lua")
local S, M, O, C = libraries.string, libraries.math, libraries.os, libraries.coroutine

local function text(value)
  if math.type(value) == "float" then return ("%.17g"):format(value) end
  local kind = type(value)
  return (kind == "string" or kind == "number" or kind == "boolean" or kind == "nil") and tostring(value) or kind
end

local function show(name, f, ...)
  local results = table.pack(pcall(f, ...))
  for i = 1, results.n do results[i] = text(results[i]) end
  print(name .. ": " .. table.concat(results, " | "))
end

local function chunk(source)
  local f, message = load(source, "=p")
  if not f then return message end
  return f()
end

show("version", function() return _VERSION end)
show("trim", function() local r = S.trim(" \t both ends \n") return "<" .. r .. ">" end)
for _, x in ipairs { -1, 0.015, 0.25, 0.5, 0.75, 1.0, 3 } do
  show("smooth " .. x, function() local r = M.smooth(x) return r end)
end
show("counters", function() return type(ticket), type(turn), type(lap) end)
show("allocations", function() local r = collectgarbage("allocations") return r > 0 end)
show("marked", function() collectgarbage() local r = collectgarbage("marked") return r end)
show("step 0", chunk, "local function f(a, b, c) for i = 1, 2, 0 do end end f()")
show("step 0.0", chunk, "for i = 1, 2, 0.0 do end")
show("limit", chunk, "for i = 1, {} do end")
show("float limit", chunk, "for i = 1.5, {} do end")
show("step", chunk, "for i = 1, 2, print do end")
show("start", chunk, "for i = nil, 2 do end")
show("rep", function() local r = S.rep("ab", 3, "-") return r end)
show("rep -2", function() local r = S.rep("ab", -2) return r end)
show("kept rep -2", function() local r = kept.rep("ab", -2) return r end)
show("same rep", function() return kept.rep == S.rep, kept.fmod == M.fmod, kept.status == C.status end)
show("token name", chunk, "local 1")
show("token end", chunk, "x = ")
show("no value", function() local r = S.rep() return r end)
show("parent", function() local r = O.parent() return type(r), r > 0 end)
show("rfind", function() local r = S.rfind("a/b/c/d", "/") return r, (S.rfind("abc", "/")) end)
show("status", function()
  local outer
  outer = C.create(function()
    return C.resume(C.create(function()
      local seen, closed = C.status(outer), table.pack(pcall(C.close, outer))
      return seen, closed[2]
    end))
  end)
  local results = table.pack(C.resume(outer))
  local last = C.status(outer)
  return results[3], results[4], last, kept.status(outer)
end)
for month = 0, 13 do show("season " .. month, function() return M.season(month) end) end
show("bits", function() return #255, #-1, #0 end)
show("length", function() return #"abc", #{ 1, 2 } end)
show("read start", function()
  local file = assert(io.open("probe.lua"))
  local start = file:read("s")
  file:close()
  return start
end)
show("read line", function()
  local file = assert(io.open("probe.lua"))
  local first, second, third = file:read("l", "L", 5)
  file:close()
  return first, #second, third
end)
show("describe", function() local r = S.describe(2.5, 1, 2) return r end)
show("fmod", function() return M.fmod(7, 3), M.fmod(-7, 2), M.fmod(7.5, 2) end)
show("fmod 0", function() local r = M.fmod(1, 0) return r ~= r end)
show("kept fmod", function() return kept.fmod(9, 4) end)
show("next", function() local r = next({}, "absent") return r end)
show("priority", chunk, "return 5 ~ 3 & 1, 1 + 2 .. 3, 2 ^ 3 ^ 2")
show("constant", chunk, "local x <const> = 1; x = 2")
show("banner", function() banner("written by the banner") end)
show("traceback", function()
  local co = C.create(function() C.yield() end)
  C.resume(co)
  return (debug.traceback(co):gsub("\n.*", ""))
end)
io.stdout:flush()
warn("@on")
warn("a warning", " in parts")
warn("!loud")
warn("@off")
warn("not shown")
show("pow", function() local r = M.pow(2, 10) return r end)
for _, s in ipairs { "7", "A", "b", " ", "!", "\n", "\200" } do
  show("classify " .. s:byte(), function() local r = S.classify(s) return r end)
end
show("dollar", chunk, "local a$b = 7 return a$b")

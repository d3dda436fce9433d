-- Advances each counter that is there by one and prints it: a live process keeps them over updates, a fresh one
-- starts from the initial values of its update.
dofile("reopen.lua")
for _, name in ipairs { "lap", "ticket", "turn" } do
  if _G[name] then print(name, (_G[name]())) end
end

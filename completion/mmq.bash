# Completion of mmq for bash: commands, options, and the ids of what waits.
_mmq() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= partner=() i
    local commands="list summary show cat trace why log hold release retry delete undelete flush export import route peer drain resume stats alarms events health top reload config check backup pdu"
    local options="--control -c --json --yes --dry-run --all --offline --color --state --from --to --peer --error --older --mail --raw --part --into --repair --for-good --help --version"
    local states="queued active deferred held notified fetched delivered relayed rejected expired failed deleted"
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --control|-c) partner+=("${COMP_WORDS[i]}" "${COMP_WORDS[i+1]}"); ((i++)) ;;
            --state|--from|--to|--peer|--error|--older|--part|--into|--color) ((i++)) ;;
            -*) ;;
            *) command=${COMP_WORDS[i]}; break ;;
        esac
    done
    COMPREPLY=()
    case $before in
        --state) mapfile -t COMPREPLY < <(compgen -W "$states" -- "$word"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$word"); return ;;
        --control|-c) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        --into) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
        return
    fi
    case $command in
        "") mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word") ;;
        undelete)
            mapfile -t COMPREPLY < <(compgen -W "$(mmq "${partner[@]}" list --state deleted --json 2>/dev/null | head -n 200 | sed -n 's/^{"id":"\([0-9A-Z]*\)".*/\1/p')" -- "${word^^}") ;;
        show|cat|trace|why|log|hold|release|retry|delete|export)
            # The first page is enough to choose from.
            mapfile -t COMPREPLY < <(compgen -W "$(mmq "${partner[@]}" list --json 2>/dev/null | head -n 200 | sed -n 's/^{"id":"\([0-9A-Z]*\)".*/\1/p')" -- "${word^^}") ;;
        flush)
            mapfile -t COMPREPLY < <(compgen -W "$(mmq "${partner[@]}" summary --json 2>/dev/null | sed -n 's/^{"destination":"\([A-Za-z0-9.:_-]*\)".*/\1/p')" -- "$word") ;;
        peer)
            if [[ $before == peer ]]; then
                mapfile -t COMPREPLY < <(compgen -W "list show test hold release" -- "$word")
            else
                mapfile -t COMPREPLY < <(compgen -W "$(mmq "${partner[@]}" peer list --json 2>/dev/null | sed -n 's/^{"name":"\([A-Za-z0-9._-]*\)".*/\1/p')" -- "$word")
            fi ;;
        config) mapfile -t COMPREPLY < <(compgen -W "show check diff" -- "$word") ;;
        pdu|backup|import) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    esac
}
complete -F _mmq mmq
